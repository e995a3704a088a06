"""Its processes, each put together in a module of its own, which imports only what that process runs."""
