"""How a process reaches Kafka."""

from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """JITASA_KAFKA_BOOTSTRAP, _USERNAME, _PASSWORD_FILE; SCRAM-SHA-256, since subscribers outside have SCRAM-SHA-512:
    whoever signs in at one listener of Kafka cannot do so at the other."""

    model_config = SettingsConfigDict(env_prefix="JITASA_KAFKA_")

    bootstrap: str
    username: str
    password_file: Path

    @property
    def password(self) -> str:
        """The password, read anew at each use so that a rotated one is taken up."""
        return self.password_file.read_text().strip()

    def for_aiokafka(self) -> dict[str, Any]:
        """Connection arguments of aiokafka's clients."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "request_timeout_ms": REQUEST_MILLISECONDS,
            "retry_backoff_ms": 50,
            "metadata_max_age_ms": 10_000,  # a moved partition leader is found within this time even without traffic
        }

    def for_librdkafka(self) -> dict[str, Any]:
        """Connection settings of confluent-kafka's clients."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": self.username,
            "sasl.password": self.password,
        }


REQUEST_MILLISECONDS = 5_000
"""A broker that is stopped in the middle is given up after this time (measured: 2 to 5 s of pause instead of 15 to
20)."""
