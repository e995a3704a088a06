"""What a cluster's jobs do, on a real database and on the broker of the compose file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy import provisioning
from deploy.catalogue import SERVICES
from deploy.local import jars, ports
from deploy.local.home import CHECKOUT
from deploy.local.secrets import Secrets
from shared.contracts.topics import ALL
from tests.runtime import Runtime

COMPOSE = CHECKOUT / "deploy" / "compose"
BROKER_SECONDS = 60.0


ADOPTED = """
INSERT INTO outbox (topic, partition, key, event_id, event_time, body, sequence, previous, published_at, adopted_at)
VALUES ('facility-updated', 0, 'a-place', gen_random_uuid(), '2022-02-05T08:00:00Z', '{"status": "open"}', 7, 3,
        now(), now())
"""


def provision(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the job."""
    return run("deploy.cluster", *arguments, **variables)


def run(*module: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module as a container does."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        env={"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def of_postgres(runtime: Runtime, name: str = "postgres") -> dict[str, str]:
    """How the job reaches the tests' server, or the pod of a service its database, and where passwords are."""
    settings = runtime.postgres_settings(name, name)
    return {
        "JITASA_SECRETS": str(runtime.stack.secrets.folder),
        "JITASA_POSTGRES_HOST": settings.host,
        "JITASA_POSTGRES_PORT": str(settings.port),
        "JITASA_POSTGRES_DATABASE": settings.database,
        "JITASA_POSTGRES_USER": settings.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(settings.password_file),
    }


async def test_databases_are_made_and_made_again(runtime: Runtime) -> None:
    administrator: dict[str, Any] = runtime.postgres_settings("postgres", "postgres").for_asyncpg()
    connection = await asyncpg.connect(**administrator)
    await connection.execute("DROP DATABASE facilities WITH (FORCE)")
    await connection.close()
    for _ in range(2):
        done = provision("databases", "facilities", **of_postgres(runtime))
        assert done.returncode == 0, done.stderr
    connection = await asyncpg.connect(**runtime.postgres_settings("facilities", "facilities").for_asyncpg())
    assert await connection.fetchval("SELECT count(*) FROM facility") == 0
    await connection.close()


async def test_a_pod_names_changes_that_its_restored_database_does_not_know(runtime: Runtime) -> None:
    told = of_postgres(runtime, "facilities")
    assert run("shared.postgres.lost_changes", **told).stdout == "Nothing is lost.\n"
    connection = await asyncpg.connect(**runtime.postgres_settings("facilities", "facilities").for_asyncpg())
    await connection.execute(ADOPTED)
    done = run("shared.postgres.lost_changes", **told)
    await connection.execute("DELETE FROM outbox")
    await connection.close()
    assert done.stdout.splitlines()[0] == "2022-02-05 08:00:00Z facility-updated a-place 1 lost; told: open"
    assert done.returncode == 1
    assert run("shared.postgres.lost_changes", **of_postgres(runtime, "reporting")).returncode == 0, "it has none"


def test_a_wrong_password_ends_the_job_and_is_told_nowhere(runtime: Runtime, tmp_path: Path) -> None:
    told = of_postgres(runtime) | {"JITASA_POSTGRES_PASSWORD_FILE": str(tmp_path / "wrong")}
    (tmp_path / "wrong").write_text("not-the-password")
    done = provision("databases", **told)
    assert done.returncode == 1
    assert "not-the-password" not in done.stdout + done.stderr


@pytest.fixture
def broker(runtime: Runtime, tmp_path: Path) -> Iterator[tuple[str, Secrets]]:
    """The broker as the compose file starts it, but for its host and ports: its address, and the passwords."""
    secrets = Secrets(tmp_path / "secrets")
    base = ports.free_base()
    programs = tmp_path / "programs"
    programs.mkdir()
    tools = runtime.stack.tools
    java = f"{tools.java} -Xmx256m -Dlog4j2.configurationFile={tools.kafka_logging} -cp {jars.class_path(tools.jars)}"
    for name, program in {
        "kafka-storage.sh": f"{java} kafka.tools.StorageTool",
        "kafka-run-class.sh": java,
        "kafka-server-start.sh": f"{java} kafka.Kafka",
        "sed": "/bin/sed",
    }.items():
        path = programs / name
        path.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path / "commands"}\nexec {program} "$@"\n')
        path.chmod(0o755)
    settings = tmp_path / "kafka.properties"
    text = (COMPOSE / "kafka.properties").read_text()
    for one, other in {"kafka:": "127.0.0.1:", "//:": "//127.0.0.1:", "9092": f"{base}", "9093": f"{base + 1}"}.items():
        text = text.replace(one, other)
    settings.write_text(text)
    environment = {
        "PATH": f"{programs}:{os.defpath}",
        "TMPDIR": str(tmp_path),
        "KAFKA_PROGRAMS": str(programs),
        "KAFKA_SECRETS": str(secrets.folder),
        "KAFKA_SETTINGS": str(settings),
        "KAFKA_DATA": str(tmp_path / "data"),
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["sh", str(COMPOSE / "kafka.sh")], env=environment, stdout=log, stderr=log)
    try:
        yield f"127.0.0.1:{base}", secrets
    finally:
        process.kill()
        process.wait()


def test_the_compose_files_broker_takes_topics_users_and_rights(broker: tuple[str, Secrets], tmp_path: Path) -> None:
    bootstrap, secrets = broker
    told = {
        "JITASA_SECRETS": str(secrets.folder),
        "JITASA_KAFKA_BOOTSTRAP": bootstrap,
        "JITASA_KAFKA_USERNAME": "admin",
        "JITASA_KAFKA_PASSWORD_FILE": str(secrets.kafka_password_file("admin")),
        "JITASA_KAFKA_REPLICAS": "1",
        "JITASA_KAFKA_IN_SYNC": "1",
    }
    admin = _when_there(bootstrap, secrets)
    done = provision("kafka", **told)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {topic.name for topic in ALL} <= set(admin.list_topics(timeout=10).topics)
    assert set(provisioning.partitions(admin, ALL).values()) == {24}
    for number in ("48", "24"):  # what a topic has it keeps
        assert provision("kafka", **told, JITASA_SURVEY_PARTITIONS=number).returncode == 0
        assert provisioning.partitions(admin, ALL) == {each.name: 48 if each.grows else 24 for each in ALL}
    assert provision("kafka", **told, JITASA_SURVEY_PARTITIONS="36").returncode != 0
    assert provisioning.held(admin, SERVICES) == {
        each for service in SERVICES for each in provisioning.bindings(service)
    }
    service = _client(bootstrap, secrets, "survey")
    assert "survey-intake" in service.list_topics(timeout=10).topics
    stranger = AdminClient({**_told(bootstrap, "survey", "not-the-password"), "log_level": 0})
    with pytest.raises(KafkaException):
        stranger.list_topics(timeout=3)
    commands = (tmp_path / "commands").read_text()
    assert len(commands.splitlines()) == 4
    own = ("broker", "controller", "admin")
    assert [user for user in own if secrets.kafka_password(user) in commands] == [], "everybody can read them"


def _told(bootstrap: str, user: str, password: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": user,
        "sasl.password": password,
    }


def _client(bootstrap: str, secrets: Secrets, user: str) -> AdminClient:
    return AdminClient({**_told(bootstrap, user, secrets.kafka_password(user)), "log_level": 0})


def _when_there(bootstrap: str, secrets: Secrets) -> AdminClient:
    deadline = time.monotonic() + BROKER_SECONDS
    while True:
        admin = _client(bootstrap, secrets, "admin")
        try:
            admin.list_topics(timeout=2)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
        else:
            return admin
