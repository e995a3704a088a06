"""What is done once before a release runs, and may be done again at any time:

    python -m deploy.cluster databases [SERVICE ...]
    python -m deploy.cluster kafka

`databases` makes roles and databases of the services on one PostgreSQL, by default all, and migrates them, while nobody
else does; `kafka` makes users, rights and topics. The exit code is 0 when everything is as it should be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy import catalogue, provisioning
from deploy.databases import Databases
from deploy.trouble import Trouble
from deploy.wiring import SECRETS
from shared.contracts import topics
from shared.kafka.settings import KafkaSettings
from shared.postgres.settings import PostgresSettings

_NAMES: Final = tuple(service.name for service in catalogue.SERVICES)


class ProvisioningSettings(BaseSettings):
    """JITASA_SECRETS: the folder with the passwords of roles and users, named as in `deploy.local.secrets`;
    JITASA_KAFKA_MECHANISM, _REPLICAS, _IN_SYNC: by which mechanism the administrator signs in, how many copies each
    topic has, and how many of them have a record before it is acknowledged; JITASA_SURVEY_PARTITIONS: how many
    partitions the survey's topics have at least.

    Where the administrators are found, and how they sign in, is told as services are told it (JITASA_POSTGRES_ ...).
    """

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    secrets: Path = Path(SECRETS)
    kafka_mechanism: str = "SCRAM-SHA-256"
    kafka_replicas: int = Field(default=3, ge=1)
    kafka_in_sync: int = Field(default=2, ge=1)
    survey_partitions: int = topics.NUMBERS_OF_PARTITIONS[0]

    @field_validator("survey_partitions")
    @classmethod
    def _possible(cls, number: int) -> int:
        if number not in topics.NUMBERS_OF_PARTITIONS:
            raise ValueError(f"it has to be one of {topics.NUMBERS_OF_PARTITIONS}")
        return number

    def password(self, name: str) -> str:
        """What the file of that name holds."""
        return (self.secrets / name).read_text().strip()


def databases(settings: ProvisioningSettings, names: Sequence[str]) -> None:
    """Raises `Trouble` when a migration fails."""
    dbmate = Path(sys.executable).with_name("dbmate")  # its package puts it beside the interpreter
    server = Databases(PostgresSettings(), dbmate, lambda role: settings.password(f"postgres-{role}"))
    server.provision([catalogue.service(name) for name in names])


def kafka(settings: ProvisioningSettings) -> int:
    """0, or 1 when a topic has another number of partitions than its contract says, which is left as it is."""
    told = KafkaSettings().for_librdkafka() | {"sasl.mechanism": settings.kafka_mechanism}
    admin = AdminClient(told)
    users = [user for service in catalogue.SERVICES for user in service.kafka_users]
    provisioning.users(admin, {user: settings.password(f"kafka-{user}") for user in users})
    provisioning.rights(admin, catalogue.SERVICES)
    differences = provisioning.topics(
        admin,
        topics.all_with(settings.survey_partitions),
        replicas=settings.kafka_replicas,
        in_sync=settings.kafka_in_sync,
    )
    for difference in differences:
        print(f"Left as it is: {difference}")
    return 1 if differences else 0


def main(arguments: Sequence[str]) -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("databases").add_argument("services", nargs="*", metavar="SERVICE", default=_NAMES)
    commands.add_parser("kafka")
    asked = parser.parse_args(arguments)
    settings = ProvisioningSettings()
    try:
        if asked.command == "kafka":
            return kafka(settings)
        databases(settings, asked.services)
    except Trouble as trouble:
        trouble.show()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
