"""Benchmarks on a real Kafka and PostgreSQL; each stands beside the machine's own raw limits from the same run."""
