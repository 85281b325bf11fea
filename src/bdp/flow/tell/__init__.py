"""Tell: from what happened to people, durably: written down, decided on, brought to each channel once."""
