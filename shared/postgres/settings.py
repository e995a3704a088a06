"""Where a service's own database is."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PostgresSettings(BaseSettings):
    """JITASA_POSTGRES_HOST (a host, or the folder of a socket), _PORT, _DATABASE, _USER, _PASSWORD_FILE."""

    model_config = SettingsConfigDict(env_prefix="JITASA_POSTGRES_")

    host: str
    port: int = Field(ge=1, le=65535)
    database: str
    user: str
    password_file: Path

    @property
    def password(self) -> str:
        """The password, read anew at each use so that a rotated one is taken up."""
        return self.password_file.read_text().strip()
