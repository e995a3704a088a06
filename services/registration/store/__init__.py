"""The registration database: each function is one transaction. Area scope is part of the SQL."""
