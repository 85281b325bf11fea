"""The model gateway: any provider, never over budget, never an outage."""
