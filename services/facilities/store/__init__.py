"""The register's rows."""
