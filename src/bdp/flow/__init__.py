"""Flow: the order of the stages, and the durable workflow of an incident."""
