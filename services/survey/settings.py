"""What the survey's processes are told by their environment."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class SurveySettings(BaseSettings):
    """JITASA_JWKS_URL, JITASA_TOKEN_ISSUER, JITASA_SEALING_KEYS_FILE, JITASA_HOUSEHOLD_KEY_FILE,
    JITASA_BLIND_INDEX_KEY_FILE; for its pages JITASA_ASSETS (a `node_modules` folder, without which there are none),
    JITASA_REGISTRATION_URL, JITASA_FACILITIES_URL, JITASA_REPORTING_URL."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    jwks_url: str
    token_issuer: str
    sealing_keys_file: Path
    household_key_file: Path
    blind_index_key_file: Path
    assets: Path | None = None
    registration_url: str = ""
    facilities_url: str = ""
    reporting_url: str = ""
