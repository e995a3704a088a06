"""How a process reaches Kafka."""

import ssl
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """JITASA_KAFKA_BOOTSTRAP, _USERNAME, _PASSWORD_FILE, _AUTHORITY_FILE; SCRAM-SHA-256, since subscribers outside have
    SCRAM-SHA-512: whoever signs in at one listener of Kafka cannot do so at the other."""

    model_config = SettingsConfigDict(env_prefix="JITASA_KAFKA_")

    bootstrap: str
    username: str
    password_file: Path
    authority_file: Path | None = None
    """The certificates of who vouches for Kafka: with them the connection is encrypted, and the broker has to bear the
    name that it is reached by. Without them nothing is: for a broker on the same machine."""

    @property
    def password(self) -> str:
        """The password, read anew at each use so that a rotated one is taken up."""
        return self.password_file.read_text().strip()

    def for_aiokafka(self) -> dict[str, Any]:
        """Connection arguments of aiokafka's clients."""
        authority = self.authority_file
        encrypted = {} if authority is None else {"ssl_context": ssl.create_default_context(cafile=authority)}
        return {
            **encrypted,
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self._protocol,
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "request_timeout_ms": REQUEST_MILLISECONDS,
            "retry_backoff_ms": 50,
            "metadata_max_age_ms": METADATA_MILLISECONDS,
        }

    def for_librdkafka(self) -> dict[str, Any]:
        """Connection settings of confluent-kafka's clients, which look at the broker's name of themselves."""
        encrypted = {} if self.authority_file is None else {"ssl.ca.location": str(self.authority_file)}
        return {
            **encrypted,
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self._protocol,
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": self.username,
            "sasl.password": self.password,
        }

    @property
    def _protocol(self) -> str:
        return "SASL_PLAINTEXT" if self.authority_file is None else "SASL_SSL"


METADATA_MILLISECONDS = 10_000
"""A moved partition leader, and partitions that a topic was given, are found within this time even without traffic."""
REQUEST_MILLISECONDS = 5_000
"""A broker that is stopped in the middle is given up after this time (measured: 2 to 5 s of pause instead of 15 to
20)."""
