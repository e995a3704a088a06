"""What every process is told by its environment: the names, and where each value is from.

The chart, the compose file and the stack on one machine (`deploy.local.stack`) are filled from this table. A secret
goes only to who uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deploy.catalogue import FACILITIES, REGISTRATION, REPORTING, SURVEY, Process, Service, processes
from deploy.scale import ONE_OF_EACH


class Source(StrEnum):
    """Where a value is from."""

    VALUE = "value"
    """It is the same everywhere: `of`."""
    SETTING = "setting"
    """The installation says so, under the name `of`."""
    ADDRESS = "address"
    """The public address of the service `of`, with `suffix` behind it; of several services, blanks between them."""
    FILE = "file"
    """The path of the file `of`, which is mounted."""


class Feature(StrEnum):
    """What an installation may do without."""

    SUBSCRIBERS = "subscribers"
    """Systems outside read Kafka itself."""
    RECONCILING = "reconciling"
    """Reporting compares its figures with their owners' by an account of its own."""
    MAIL = "mail"
    TRACES = "traces"
    """What requests set in motion is told to a collector."""
    ISSUERS = "issuers"
    """Tokens of others are good as well."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a process."""

    name: str
    source: Source
    of: str
    suffix: str = ""
    feature: Feature | None = None
    """It is told only where there is this."""


ASSETS: Final = "/opt/jitasa/web/node_modules"
"""Where the image keeps what pages are made of."""
SECRETS: Final = "/run/secrets/jitasa"
"""The folder of secrets, with the names of `deploy.local.secrets`."""

_KEEPER, _HTTP, _WEBHOOKS = "reporting-keeper", "reporting-http", "reporting-webhooks"


def of_everything() -> list[tuple[Service, Process, list[Variable]]]:
    """Every process of the catalogue, with its service and what it is told."""
    return [(service, process, list(variables(service, process))) for service, process in processes(ONE_OF_EACH)]


def variables(service: Service, process: Process) -> Iterator[Variable]:
    """What a process is told, in the order in which it is written."""
    yield Variable("JITASA_PROCESS_NAME", Source.VALUE, process.name)
    yield Variable("JITASA_HTTP_HOST", Source.VALUE, "0.0.0.0")  # noqa: S104 - of the container
    yield Variable("JITASA_HTTP_PORT", Source.SETTING, "port")
    yield Variable("FORWARDED_ALLOW_IPS", Source.SETTING, "trusted-proxies")
    yield Variable("JITASA_ASSETS", Source.VALUE, ASSETS)
    yield from _kafka(service.name)
    yield from _postgres(service.name)
    yield Variable("JITASA_TOKEN_ISSUER", Source.ADDRESS, REGISTRATION.name)
    yield Variable("JITASA_JWKS_URL", Source.ADDRESS, REGISTRATION.name, "/.well-known/jwks.json")
    yield Variable("JITASA_ISSUERS_FILE", Source.FILE, "issuers.json", feature=Feature.ISSUERS)
    for name in ("endpoint", "share"):
        yield Variable(f"JITASA_TRACE_{name.upper()}", Source.SETTING, f"trace-{name}", feature=Feature.TRACES)
    if service is REGISTRATION:
        yield from _registration()
    elif service is SURVEY:
        yield from _survey()
    elif service is FACILITIES:
        yield from _facilities()
    else:
        yield from _reporting(process.name)


def files(told: Iterable[Variable]) -> list[str]:
    """The files that a process is given."""
    return sorted({variable.of for variable in told if variable.source is Source.FILE})


def _kafka(user: str) -> Iterator[Variable]:
    yield Variable("JITASA_KAFKA_BOOTSTRAP", Source.SETTING, "kafka-bootstrap")
    yield Variable("JITASA_KAFKA_USERNAME", Source.VALUE, user)
    yield Variable("JITASA_KAFKA_PASSWORD_FILE", Source.FILE, f"kafka-{user}")
    yield Variable("JITASA_KAFKA_AUTHORITY_FILE", Source.FILE, "kafka-authority.pem")


def _postgres(role: str) -> Iterator[Variable]:
    yield Variable("JITASA_POSTGRES_HOST", Source.SETTING, "postgres-host")
    yield Variable("JITASA_POSTGRES_PORT", Source.SETTING, "postgres-port")
    yield Variable("JITASA_POSTGRES_DATABASE", Source.VALUE, role)
    yield Variable("JITASA_POSTGRES_USER", Source.VALUE, role)
    yield Variable("JITASA_POSTGRES_PASSWORD_FILE", Source.FILE, f"postgres-{role}")
    yield Variable("JITASA_POSTGRES_AUTHORITY_FILE", Source.FILE, "postgres-authority.pem")


def _addresses(*services: Service, feature: Feature | None = None) -> Iterator[Variable]:
    for service in services:
        yield Variable(f"JITASA_{service.name.upper()}_URL", Source.ADDRESS, service.name, feature=feature)


def _pages_of(*services: Service) -> Variable:
    """Whose pages ask this service: a coordinator's desk, or the volunteer's phone."""
    return Variable("JITASA_PAGE_ORIGINS", Source.ADDRESS, " ".join(service.name for service in services))


def _registration() -> Iterator[Variable]:
    yield Variable("JITASA_SIGNING_KEYS_FILE", Source.FILE, "signing-keys.json")
    yield Variable("JITASA_SEALING_KEYS_FILE", Source.FILE, "registration-sealing-keys.json")
    yield Variable("JITASA_BLIND_INDEX_KEY_FILE", Source.FILE, "blind-index-key")
    yield Variable("JITASA_SMS_URL", Source.SETTING, "sms-url")
    yield Variable("JITASA_SMS_TOKEN_FILE", Source.FILE, "sms-token")
    for name in ("host", "port", "sender", "user"):
        yield Variable(f"JITASA_SMTP_{name.upper()}", Source.SETTING, f"mail-{name}", feature=Feature.MAIL)
    yield Variable("JITASA_SMTP_PASSWORD_FILE", Source.FILE, "mail-password", feature=Feature.MAIL)
    yield Variable("JITASA_TRAINING_POLICY", Source.SETTING, "training-policy")
    yield _pages_of(SURVEY)
    yield from _addresses(FACILITIES, REPORTING, SURVEY)


def _survey() -> Iterator[Variable]:
    yield Variable("JITASA_SEALING_KEYS_FILE", Source.FILE, "sealing-keys.json")
    yield Variable("JITASA_HOUSEHOLD_KEY_FILE", Source.FILE, "household-key")
    yield Variable("JITASA_BLIND_INDEX_KEY_FILE", Source.FILE, "blind-index-key")
    yield _pages_of(REGISTRATION)
    yield from _addresses(REGISTRATION, FACILITIES, REPORTING)


def _facilities() -> Iterator[Variable]:
    yield _pages_of(REGISTRATION, SURVEY)


def _reporting(process: str) -> Iterator[Variable]:
    yield _pages_of(REGISTRATION, SURVEY)
    yield from _addresses(REGISTRATION, SURVEY)  # to which its pages lead
    if process in (_HTTP, _KEEPER, _WEBHOOKS):
        yield Variable("JITASA_SUBSCRIBER_SEALING_KEYS_FILE", Source.FILE, "subscriber-sealing-keys.json")
    if process in (_HTTP, _KEEPER):
        yield Variable(
            "JITASA_SUBSCRIBER_BOOTSTRAP", Source.SETTING, "subscriber-bootstrap", feature=Feature.SUBSCRIBERS
        )
        yield Variable(
            "JITASA_SUBSCRIBER_AUTHORITY_FILE",
            Source.FILE,
            "subscriber-authority.pem",
            feature=Feature.SUBSCRIBERS,
        )
    if process == _KEEPER:
        # It holds the figures to what their owners count, and alone lets subscribers into Kafka.
        yield from _addresses(FACILITIES, feature=Feature.RECONCILING)
        yield Variable("JITASA_ACCOUNT_FILE", Source.FILE, "keeper.json", feature=Feature.RECONCILING)
        gatekeeper = str(REPORTING.gatekeeper)
        yield Variable("JITASA_GATEKEEPER_USERNAME", Source.VALUE, gatekeeper, feature=Feature.SUBSCRIBERS)
        yield Variable(
            "JITASA_GATEKEEPER_PASSWORD_FILE", Source.FILE, f"kafka-{gatekeeper}", feature=Feature.SUBSCRIBERS
        )


OUTSIDE: Final = {"registration-http": ("sms", "mail"), _WEBHOOKS: ("internet",)}
"""Who has to reach what is not ours."""
ASKING: Final = frozenset({"registration-http", "survey-http", "facilities-http", _HTTP, _KEEPER})
"""Who asks another service at its public address: for the keys that check tokens, for places, for counts."""
