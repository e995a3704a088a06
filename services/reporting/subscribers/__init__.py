"""Subscribers of Kafka itself: who they are, what they may read, and how Kafka is brought to that."""
