"""The primary on many machines: a Kafka topic."""
