"""Kafka's listener for subscribers, on a real broker: who gets in, and what he can do there."""
