"""Where a service's own database is."""

import ssl
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PostgresSettings(BaseSettings):
    """JITASA_POSTGRES_HOST (a host, or the folder of a socket), _PORT, _DATABASE, _USER, _PASSWORD_FILE,
    _AUTHORITY_FILE."""

    model_config = SettingsConfigDict(env_prefix="JITASA_POSTGRES_")

    host: str
    port: int = Field(ge=1, le=65535)
    database: str
    user: str
    password_file: Path
    authority_file: Path | None = None
    """The certificates of who vouches for the server: with them the connection is encrypted, and the server has to bear
    the name that it is reached by (`sslmode=verify-full`). Without them it need not be: for one on the same machine."""

    @property
    def password(self) -> str:
        """The password, read anew at each use so that a rotated one is taken up."""
        return self.password_file.read_text().strip()

    def for_asyncpg(self) -> dict[str, Any]:
        """Connection arguments of asyncpg."""
        encrypted = (
            {} if self.authority_file is None else {"ssl": ssl.create_default_context(cafile=self.authority_file)}
        )
        return {
            **encrypted,
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password": lambda: self.password,
        }
