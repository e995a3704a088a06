"""The rules of registration, one module per subject; none of them knows of HTTP or the database."""
