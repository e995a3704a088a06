"""The public streams over HTTP: read from Kafka for each subscriber, in the scope of its token, from a cursor on."""
