"""Who reaches whom, over HTTP and on a real PostgreSQL."""
