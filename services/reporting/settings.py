"""What the processes of this service read from their environment, beside Kafka's, PostgreSQL's and HTTP's own
settings."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TokenSettings(BaseSettings):
    """JITASA_JWKS_URL: where the issuer publishes its keys; JITASA_TOKEN_ISSUER: its name in the tokens."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    jwks_url: str
    token_issuer: str


class PageSettings(BaseSettings):
    """JITASA_ASSETS: the `node_modules` folder with what the page is made of; JITASA_REGISTRATION_URL: where browsers
    find the service at which people sign in, and with it the pages for who is signed in; JITASA_SURVEY_URL: where they
    find the one that takes requests for help."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    assets: Path
    registration_url: str = ""
    survey_url: str = ""


class LiveSettings(BaseSettings):
    """JITASA_LIVE_MAX_VIEWERS, _COALESCE_SECONDS, _BYTES_A_SECOND, _HEARTBEAT_SECONDS, _SEND_SECONDS."""

    model_config = SettingsConfigDict(env_prefix="JITASA_LIVE_")

    max_viewers: int = Field(default=1_000, ge=1)
    """Each open stream costs a socket and, when it is slow, up to 1 MiB of buffers: 1,000 stay well below 1,024 open
    files and 1 GiB at the worst. Further processes take further viewers."""
    coalesce_seconds: float = Field(default=0.2, gt=0)
    """Changes of this time are sent as one: the eye sees no difference, and a surge costs five messages a second."""
    bytes_a_second: int = Field(default=128 * 1024, ge=1)
    """What a viewer is sent at most for longer: in a surge through the whole country events come once a second, not
    five times. An office's line carries ten such viewers."""
    heartbeat_seconds: float = Field(default=15.0, gt=0)
    """Proxies commonly close what is silent for 30 to 60 s."""
    send_seconds: float = Field(default=20.0, gt=0)
    """A viewer who takes nothing for this long is cut off."""


class MonthSettings(BaseSettings):
    """JITASA_MONTH_CLOSE_DAY, _CLOSE_HOUR: when, in Thailand, the month before is closed by itself."""

    model_config = SettingsConfigDict(env_prefix="JITASA_MONTH_")

    close_day: int = Field(default=10, ge=1, le=28)
    """Phones that were out of reach at the month's end have come back by then. Every month has a 28th."""
    close_hour: int = Field(default=2, ge=0, le=23)
    """At night nobody sends, and nobody waits for the figures."""


class OwnerSettings(BaseSettings):
    """JITASA_REGISTRATION_URL, _SURVEY_URL, _FACILITIES_URL: the services whose counts the figures are held to;
    JITASA_ACCOUNT_FILE: client_id and client_secret of a program's account that may read them, as JSON;
    JITASA_RECONCILE_SECONDS: how often. Without the first four nothing is reconciled."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    registration_url: str = ""
    survey_url: str = ""
    facilities_url: str = ""
    account_file: Path | None = None
    reconcile_seconds: float = Field(default=3_600, ge=60)
    """A comparison of the country reads 28 million households in the survey's database: minutes of one of its cores."""


class GatekeeperSettings(BaseSettings):
    """JITASA_GATEKEEPER_USERNAME, _PASSWORD_FILE: a user of Kafka that may let subscribers in and out. Without them
    this process does not."""

    model_config = SettingsConfigDict(env_prefix="JITASA_GATEKEEPER_")

    username: str = ""
    password_file: Path | None = None


class SubscriberSettings(BaseSettings):
    """JITASA_SUBSCRIBER_BOOTSTRAP, _AUTHORITY_FILE: where subscribers find Kafka, and the certificate of the authority
    that vouches for it; JITASA_SUBSCRIBER_SEALING_KEYS_FILE: the ring under which a new password waits until Kafka has
    it. Without them nobody is let into Kafka from outside."""

    model_config = SettingsConfigDict(env_prefix="JITASA_SUBSCRIBER_")

    bootstrap: str = ""
    authority_file: Path | None = None
    sealing_keys_file: Path | None = None


class StreamSettings(BaseSettings):
    """JITASA_STREAM_READERS, _MOST_OPEN, _MOST_OPEN_OF_ONE, _HEARTBEAT_SECONDS, _SEND_SECONDS, _REQUEST_SECONDS,
    _CONNECTION_SECONDS: bounds of what subscribers read over HTTP."""

    model_config = SettingsConfigDict(env_prefix="JITASA_STREAM_")

    readers: int = Field(default=4, ge=1)
    """Fetches from Kafka at once, with some 4 MB each. One keeps a core busy; more only share it out more evenly."""
    most_open: int = Field(default=100, ge=1)
    """Answers at once. The slowest holds a piece of 1 MiB: 100 MB in all."""
    most_open_of_one: int = Field(default=8, ge=1)
    """Of one subscriber: every stream followed, and a few read anew beside."""
    heartbeat_seconds: float = Field(default=15.0, gt=0)
    """Proxies commonly close what is silent for 30 to 60 s."""
    send_seconds: float = Field(default=30.0, gt=0)
    """Who takes a piece no faster, 35 kB a second, is cut off, and comes back with the last cursor he got."""
    request_seconds: float = Field(default=60.0, gt=0)
    """An answer that is neither at its limit nor at the stream's end ends by then with a cursor: a small area in a long
    stream takes several."""
    connection_seconds: float = Field(default=3_600.0, gt=0)
    """Server-sent events end by then, or with the token, so that processes can be replaced and load spread anew."""


class WebhookSettings(BaseSettings):
    """JITASA_WEBHOOK_ALLOW_LOOPBACK, _AUTHORITY_FILE, _DELIVERY_SECONDS, _LEASE_SECONDS."""

    model_config = SettingsConfigDict(env_prefix="JITASA_WEBHOOK_")

    allow_loopback: bool = False
    """Whether webhooks may go to this machine, on any port and without TLS: for tests."""
    authority_file: Path | None = None
    """Certificates, as PEM, of authorities that vouch for endpoints beside those that the system trusts: of a network
    of health offices with one of its own, and in tests."""
    delivery_seconds: float = Field(default=10.0, gt=0)
    """From the name's resolution to the end of the answer. A receiver keeps what it got and answers; it works later."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """Another process follows within this time on one that was killed. Longer than a delivery by far."""
