"""What the volunteer's phone leaves with the service, so that nothing on it is lost with a forgotten PIN."""
