"""What this service reads from its environment, beside the settings of Kafka, PostgreSQL and HTTP."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class TokenSettings(BaseSettings):
    """JITASA_JWKS_URL: where the issuer publishes its keys; JITASA_TOKEN_ISSUER: its name in the tokens."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    jwks_url: str
    token_issuer: str


class PageSettings(BaseSettings):
    """JITASA_ASSETS: the `node_modules` folder of which the map page is made; without one there is no page."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    assets: Path | None = None
