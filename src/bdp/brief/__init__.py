"""Brief: tell people before they ask."""
