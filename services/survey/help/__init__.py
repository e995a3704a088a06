"""Requests for help: a citizen asks, somebody near by accepts, helps and closes; what is late is handed up."""
