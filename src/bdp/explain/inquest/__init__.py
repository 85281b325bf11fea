"""The inquest: all services around an incident, what changed, and which of it can have brought the failure about."""
