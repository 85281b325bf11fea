"""What is acknowledged is in one sink's custody: the chain of sinks, and the way back to the first."""
