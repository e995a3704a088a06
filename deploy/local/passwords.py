"""New passwords for the services at PostgreSQL and Kafka while everything runs: `./jitasa admin passwords rotate`.

Service by service:

1. PostgreSQL and Kafka are given new passwords, and then the files of secrets. Connections that stand stay.
2. Its processes are ended one after the other, each when the one before is back: new connections to PostgreSQL read the
   file, but a client of Kafka keeps what it has read.

Killed in between, a file may hold what its server does not take any more: do it again, or start the stack, which gives
every user the password of its file.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from deploy import provisioning
from deploy.catalogue import Service
from deploy.local.description import describe
from deploy.local.secrets import new_password, write_private
from deploy.local.stack import Stack
from deploy.trouble import Trouble

BACK_SECONDS: Final = 60.0
"""A process starts in two seconds; on a machine that is busy with other things in ten."""
LOOK_SECONDS: Final = 0.1


def rotate(stack: Stack, services: Sequence[Service], told: Callable[[str], None]) -> None:
    """Give services new passwords. stack: one that another process keeps running. Raises `Trouble`."""
    for service in services:
        _renew(stack, service)
        for process in _running(stack):
            if process["name"].startswith(f"{service.name}-"):
                _restart(stack, process)
        told(f"{service.name}: new passwords at PostgreSQL and Kafka, its processes have taken them up.")


def _renew(stack: Stack, service: Service) -> None:
    password = new_password()
    stack.postgres.databases.create_role(service.name, password)
    write_private(stack.secrets.postgres_password_file(service.name), password + "\n")
    passwords = {user: new_password() for user in service.kafka_users}
    provisioning.credentials(stack.kafka.admin(), passwords)
    for user, each in passwords.items():
        write_private(stack.secrets.kafka_password_file(user), each + "\n")


def _running(stack: Stack) -> list[dict[str, Any]]:
    processes: list[dict[str, Any]] = describe(stack.home)["processes"]
    return processes


def _restart(stack: Stack, process: dict[str, Any]) -> None:
    """End it; who keeps the stack running starts it again."""
    name, former = process["name"], process["pid"]
    with suppress(ProcessLookupError, TypeError):  # between two lives
        os.kill(former, signal.SIGTERM)
    deadline = time.monotonic() + BACK_SECONDS
    while not any(one["name"] == name and one["ready"] and one["pid"] != former for one in _running(stack)):
        if time.monotonic() > deadline:
            raise Trouble(
                f"{name} did not come back with its new passwords; see `./jitasa logs {name}`.",
                f"{name} ไม่กลับมาทำงานหลังเปลี่ยนรหัสผ่าน ดู `./jitasa logs {name}`",
            )
        time.sleep(LOOK_SECONDS)
