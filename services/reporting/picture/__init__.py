"""What the live picture shows of every area, in one shape for the stream and for who opens an area."""
