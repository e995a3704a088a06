"""A real Kafka and PostgreSQL for the tests, and fresh databases and topics on them."""

from __future__ import annotations

import itertools
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from confluent_kafka.admin import AdminClient

from deploy import catalogue, provisioning
from deploy.local import ports, tools
from deploy.local.home import Home
from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from deploy.scale import ONE_OF_EACH, Scale
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.postgres.settings import PostgresSettings


class Runtime:
    """Kafka and PostgreSQL without services."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    @property
    def admin(self) -> AdminClient:
        """An administrator's client of Kafka."""
        return self.stack.kafka.admin()

    def kafka_settings(self, user: str = "admin") -> KafkaSettings:
        """How `user` connects: the name of a service, or `admin`, who may do everything, also on fresh topics."""
        return KafkaSettings(
            bootstrap=self.stack.kafka.bootstrap,
            username=user,
            password_file=self.stack.secrets.kafka_password_file(user),
        )

    def postgres_settings(self, role: str, database: str) -> PostgresSettings:
        """How `role`, the name of a service or `postgres`, connects to a database."""
        return PostgresSettings(
            host=self.stack.postgres.host,
            port=self.stack.postgres.port,
            database=database,
            user=role,
            password_file=self.stack.secrets.postgres_password_file(role),
        )

    def create_database(self, service: str) -> PostgresSettings:
        """A fresh, empty database with the service's structure, owned by the service's role."""
        databases = self.stack.postgres.databases
        if service not in self._templates:
            template = f"{service}_template"
            databases.create_database(template, owner=service)
            databases.migrate(template, catalogue.service(service))
            self._templates[service] = template
        database = f"{service}_{next(self._numbers)}"
        databases.create_database(database, owner=service, template=self._templates[service])
        return self.postgres_settings(service, database)

    def drop_database(self, settings: PostgresSettings) -> None:
        """Remove a database made by `create_database`."""
        self.stack.postgres.databases.drop_database(settings.database)

    def create_topic(self, topic: Topic, name_suffix: str | None = None, *, partitions: int | None = None) -> Topic:
        """A fresh topic like `topic`, named `topic.name-SUFFIX`, by default with a number that no other has."""
        suffix = name_suffix if name_suffix is not None else str(next(self._numbers))
        fresh = replace(topic, name=f"{topic.name}-{suffix}", partitions=partitions or topic.partitions)
        provisioning.topics(self.admin, [fresh], replicas=1, in_sync=1)
        return fresh

    def delete_topic(self, topic: Topic) -> None:
        """Delete a topic, as a careless operator would."""
        for answer in self.admin.delete_topics([topic.name], request_timeout=15).values():
            answer.result(15)


def told(kafka: KafkaSettings, database: PostgresSettings) -> dict[str, str]:
    """What a process is told by its environment to find both."""
    return {
        "JITASA_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "JITASA_KAFKA_USERNAME": kafka.username,
        "JITASA_KAFKA_PASSWORD_FILE": str(kafka.password_file),
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(database.password_file),
    }


@contextmanager
def temporary_home(prefix: str = "jitasa-") -> Iterator[Home]:
    """A home of its own that shares the tools, in a folder that the database's user can enter; removed in the end."""
    shared_tools = Home.from_environment().tools
    tools.prepare(shared_tools)
    root = Path(tempfile.mkdtemp(prefix=prefix, dir=_open_folder())).resolve()
    root.chmod(0o755)  # made with 0700: root's database runs as another user
    try:
        yield Home(root, shared_tools)
    finally:
        shutil.rmtree(root, ignore_errors=True)


class _Unsynced(Postgres):
    """Leaves writing to the disk to the system, which has all of it also when the server is killed: dropping a database
    waits for the files of all that were made before, many seconds on a disk that others use."""

    def command(self, data: Path | None = None) -> list[str]:
        return [*super().command(data), "-c", "fsync=off"]


class _Bare(Stack):
    """Its database is an unsynced one."""

    def __init__(self, home: Home, port_base: int) -> None:
        super().__init__(home, port_base)
        self.postgres = _Unsynced(home.state / "postgres", self.tools, self.secrets, port_base)


class _Whole(Stack):
    """Its webhooks may go to receivers of the tests, on this machine, with certificates of its own authority; another
    process follows soon on one that was killed."""

    def environment(self, process: str) -> dict[str, str]:
        return super().environment(process) | {
            "JITASA_WEBHOOK_ALLOW_LOOPBACK": "true",
            "JITASA_WEBHOOK_AUTHORITY_FILE": str(self.kafka.certificates.authority),
            "JITASA_WEBHOOK_LEASE_SECONDS": "5",
            "JITASA_WEBHOOK_DELIVERY_SECONDS": "2",
        }


AnyStack = TypeVar("AnyStack", bound=Stack)


@contextmanager
def running(make: Callable[[Home, int], AnyStack], processes: Sequence[str] | None = None) -> Iterator[AnyStack]:
    """A stack of some kind in a temporary home on free ports, with the named processes of services, by default all."""
    with temporary_home() as home:
        stack = make(home, ports.free_base())
        try:
            stack.start_infrastructure()
            if processes is None or processes:
                stack.start_services(processes)
            yield stack
        finally:
            _end_at_once(stack)
            stack.stop()


def _end_at_once(stack: Stack) -> None:
    """Let Kafka and PostgreSQL not write out for seconds, at their end, what is removed with the home. A database whose
    clean end is not asked for (SIGQUIT) ends its children before itself."""
    for name, number in {**dict.fromkeys(stack.brokers, signal.SIGKILL), "postgres": signal.SIGQUIT}.items():
        with suppress(RuntimeError, KeyError):  # it has not come so far
            keeper = stack.process(name)
            keeper.program = replace(keeper.program, stop_signal=number)


def started(*, services: bool, scale: Scale = ONE_OF_EACH) -> AbstractContextManager[Stack]:
    """A stack in a temporary home on free ports, with or without the services."""
    return running(partial(_Whole, scale=scale), None if services else ())


def bare() -> AbstractContextManager[Stack]:
    """Kafka and PostgreSQL in a temporary home on free ports, for many databases that live for a moment. Measured is on
    what `started` gives: this database does not wait for the disk."""
    return running(_Bare, ())


def _open_folder() -> str:
    """The first temporary folder on whose path everybody may pass through."""
    candidates = (tempfile.gettempdir(), "/var/tmp", "/tmp")  # noqa: S108 - each home in it gets a random name
    for folder in map(Path, candidates):
        if all(each.stat().st_mode & 0o001 for each in (folder.resolve(), *folder.resolve().parents)):
            return str(folder)
    return candidates[0]
