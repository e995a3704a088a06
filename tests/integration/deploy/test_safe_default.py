"""A fresh installation, as `./jitasa up` makes it, is closed to other machines, other users and who proves nothing.

That Kafka lets nobody in without a password, and grants what is written down and nothing else: test_rights.py here and
tests/integration/outside/test_matrix.py.
"""

import ipaddress
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import psutil

from deploy.catalogue import SERVICES
from deploy.local.secrets import Secrets
from deploy.local.stack import Stack

TRIED: Final = ("/debug", "/console", "/admin", "/_debug", "/debug/pprof/", "/server-status", "/.env", "/.git/config")
"""Where other programs tell what nobody should know."""


def processes(stack: Stack) -> list[psutil.Process]:
    """Everything that the stack has started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("JITASA_STACK") == str(stack.home.root):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_nothing_listens_but_on_this_machine_s_own_address(stack: Stack) -> None:
    listening = [
        (process.name(), each.laddr)
        for process in processes(stack)
        for each in process.net_connections("inet")
        if each.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)  # the second: UDP
    ]
    assert {name for name, _ in listening} >= {"java", "postgres"}
    assert len({address.port for _, address in listening}) > 10
    open_to_all = [
        (name, address)
        for name, address in listening
        if not getattr(ipaddress.ip_address(address.ip), "ipv4_mapped", None)
        and not ipaddress.ip_address(address.ip).is_loopback
    ]
    assert open_to_all == []


def readable(folder: Path) -> Iterator[Path]:
    """Files below a folder that any user of the machine can read or write: those on whose way no folder is closed."""
    for entry in os.scandir(folder):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            if mode & (stat.S_IXOTH | stat.S_IXGRP):
                yield from readable(Path(entry.path))
        elif stat.S_ISREG(mode) and mode & (stat.S_IRWXO | stat.S_IRWXG):
            yield Path(entry.path)


def test_no_other_user_can_read_keys_data_or_logs(stack: Stack) -> None:
    """Nor write anything at all. What others may see is which processes run, on which ports."""
    found = set(readable(stack.home.root))
    assert found == {stack.home.stack_file, stack.home.lock_file}
    assert [path for path in found if path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP)] == []


def test_no_secret_is_in_a_process_s_environment_or_command_line(stack: Stack) -> None:
    """Others cannot read the first, but crash reports and monitoring carry it away."""
    secrets = {path.read_text().strip() for path in stack.secrets.folder.iterdir() if path.is_file()}
    running = processes(stack)
    assert len(running) > 10
    for process in running:
        try:
            told = " ".join((*process.environ().values(), *process.cmdline()))
        except psutil.Error:
            continue  # it has ended
        assert [secret[:4] for secret in secrets if secret in told] == [], process.name()


def test_two_installations_have_no_password_and_no_key_in_common(tmp_path: Path) -> None:
    one, other = ({path.read_text() for path in Secrets(tmp_path / name).folder.iterdir()} for name in ("one", "other"))
    assert len(one) == len(other) > 10
    assert not one & other


async def test_the_database_knows_its_roles_alone_and_asks_each_for_a_password(stack: Stack) -> None:
    connection = await asyncpg.connect(**stack.postgres.connection("postgres", "postgres"))
    try:
        methods = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        roles = await connection.fetch(
            "SELECT rolname, rolsuper, rolpassword FROM pg_authid WHERE rolcanlogin ORDER BY rolname"
        )
        public = await connection.fetchval("SELECT has_database_privilege('public', 'survey', 'CONNECT')")
    finally:
        await connection.close()
    assert [row["auth_method"] for row in methods] == ["scram-sha-256"]
    assert {row["rolname"] for row in roles} == {"postgres", *(service.name for service in SERVICES)}
    assert [row["rolname"] for row in roles if row["rolsuper"]] == ["postgres"]
    assert [row["rolname"] for row in roles if not str(row["rolpassword"]).startswith("SCRAM-SHA-256$")] == []
    assert public is False


async def test_no_service_has_a_route_for_looking_inside(stack: Stack) -> None:
    addresses = stack.addresses()
    async with httpx.AsyncClient(timeout=30) as client:
        for address in (addresses.registration, addresses.survey, addresses.facilities, addresses.reporting):
            for path in TRIED:
                assert (await client.get(address + path)).status_code == 404, (address, path)
            for method in ("TRACE", "CONNECT", "PROPFIND"):
                refused = await client.request(method, f"{address}/healthz")
                assert refused.status_code in (400, 405), (address, method)


async def test_metrics_name_nobody_and_no_path_that_was_asked_for(stack: Stack) -> None:
    """They are open, on this machine: scrapers need no account. So nothing may stand in them that is not for all."""
    addresses = stack.addresses()
    marked = "5001010000000000"
    async with httpx.AsyncClient(timeout=30) as client:
        for address in (addresses.registration, addresses.survey, addresses.facilities, addresses.reporting):
            await client.get(f"{address}/v1/{marked}?phone={marked}")
            text = (await client.get(f"{address}/metrics")).text
            assert "jitasa_http_requests" in text
            assert marked not in text
