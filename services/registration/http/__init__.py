"""The routes of the registration service, one module per resource."""
