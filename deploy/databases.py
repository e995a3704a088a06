"""Roles and databases of the services on a PostgreSQL server, from the catalogue. Repeating it repairs what differs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import asyncpg

from deploy.catalogue import Service
from deploy.trouble import Trouble
from shared.postgres.settings import PostgresSettings

_T = TypeVar("_T")

AUDITOR: Final = "jitasa_audit"
"""Who owns the tables that services may only add to. Nobody can log in as it."""
CONNECT_SECONDS: Final = 5.0
LOCK_KEY: Final = 0x4A495441_4D494752
"""The ASCII codes of JITAMIGR: a key that nothing else in the server's own database uses by chance."""
LOCK_SECONDS: Final = 1_800
"""How long one waits for another who provisions the same server: longer than any migration of a country's tables."""
MIGRATION_LOCK_MILLISECONDS: Final = 5_000
"""A migration that waits for a table in use holds up all who come after it: better to give up and be tried again. As
long as requests wait for a connection anyway."""


class Databases:
    """What the services have on one server, as its administrator sees it, who has to be a superuser: he makes roles
    and takes tables out of their owners' hands."""

    def __init__(self, administrator: PostgresSettings, dbmate: Path, password: Callable[[str], str]) -> None:
        """administrator: how he reaches the server; password: of each role."""
        self._administrator = administrator
        self._dbmate = dbmate
        self._password = password

    def provision(self, services: Sequence[Service]) -> None:
        """A role and a database for each service, closed to all other roles, migrated. One at a time does so on a
        server; another one waits. Raises `Trouble`, and `asyncpg.LockNotAvailableError` when the wait was too long."""
        run(self._provision(services))

    def create_role(self, role: str, password: str) -> None:
        """Make the role, or give it its password again."""
        run(self._create_role(role, password))

    def create_database(self, database: str, *, owner: str, template: str = "template1") -> None:
        """Make the database when it is missing; only its owner may connect."""
        run(self._create_database(database, owner, template))

    def drop_database(self, database: str) -> None:
        """Remove a database with all its content, also when somebody is connected."""
        run(self._drop_database(database))

    def migrate(self, database: str, service: Service) -> None:
        """Bring the database up to the service's migrations, as the service's own role, and take its append-only
        tables out of its hands. Raises `Trouble`."""
        run(self._migrate(database, service))

    async def _provision(self, services: Sequence[Service]) -> None:
        async with self._connection() as connection:
            await connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)  # until this connection ends
            for service in services:
                await self._create_role(service.name, self._password(service.name))
                await self._create_database(service.name, service.name, "template1")
                await self._migrate(service.name, service)

    async def _migrate(self, database: str, service: Service) -> None:
        folders = [folder for folder in service.migrations if any(folder.glob("*.sql"))]
        if not folders:
            return
        await asyncio.to_thread(self._apply, database, service.name, folders)
        if service.append_only:
            await self._protect(database, service)

    def _apply(self, database: str, role: str, folders: Sequence[Path]) -> None:
        password = quote(self._password(role), safe="")
        server = self._administrator
        host = "127.0.0.1" if server.host.startswith("/") else server.host  # dbmate knows no socket's folder
        encryption = (
            {"sslmode": "disable"}
            if server.authority_file is None
            else {"sslmode": "verify-full", "sslrootcert": str(server.authority_file)}
        )
        options = encryption | {"lock_timeout": str(MIGRATION_LOCK_MILLISECONDS)}
        named = [word for folder in folders for word in ("--migrations-dir", str(folder))]
        done = subprocess.run(
            [str(self._dbmate), "--no-dump-schema", "--wait-timeout", "5s", *named, "migrate"],
            env={
                "DATABASE_URL": f"postgres://{role}:{password}@{host}:{server.port}/{database}?{urlencode(options)}",
                "PATH": os.defpath,
            },  # in the environment: a command line can be read by everybody
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().replace(password, "***")[-2000:]
            raise Trouble(
                f"A migration of the database {database} failed:\n{said}", f"ปรับโครงสร้างฐานข้อมูล {database} ไม่สำเร็จ"
            )

    async def _create_role(self, role: str, password: str) -> None:
        async with self._connection() as connection:
            exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
            # A password of ours has no character that needs quoting, but a statement is no place to rely on it.
            quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
            await connection.execute(f'{"ALTER" if exists else "CREATE"} ROLE "{role}" LOGIN PASSWORD {quoted}')

    async def _create_database(self, database: str, owner: str, template: str) -> None:
        async with self._connection() as connection:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
                await connection.execute(f'CREATE DATABASE "{database}" OWNER "{owner}" TEMPLATE "{template}"')
            await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
            await connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")

    async def _drop_database(self, database: str) -> None:
        async with self._connection() as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    async def _protect(self, database: str, service: Service) -> None:
        """The schema goes to the administrator too: who owns a schema may drop whatever lies in it."""
        async with self._connection(database) as connection:
            # Roles are the server's: of two databases that are made at once the other may have been first.
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", AUDITOR):
                with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
                    await connection.execute(f"CREATE ROLE {AUDITOR} NOLOGIN")
            async with connection.transaction():
                for statement in _protection(service, self._administrator.user):
                    await connection.execute(statement)

    @contextlib.asynccontextmanager
    async def _connection(self, database: str | None = None) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """As the administrator, by default to the database of his settings."""
        named = {} if database is None else {"database": database}
        connection = await asyncpg.connect(**self._administrator.for_asyncpg() | named, timeout=CONNECT_SECONDS)
        try:
            yield connection
        finally:
            await connection.close(timeout=CONNECT_SECONDS)


def _protection(service: Service, administrator: str) -> Iterator[str]:
    role = service.name
    yield f'ALTER SCHEMA public OWNER TO "{administrator}"'
    yield f"GRANT USAGE, CREATE ON SCHEMA public TO {role}"
    yield f"GRANT USAGE ON SCHEMA public TO {AUDITOR}"
    for table in service.append_only:
        yield f"ALTER TABLE {table} OWNER TO {AUDITOR}"
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {role}"
        yield f"GRANT SELECT, INSERT ON {table} TO {role}"
    for function in service.forgetting:
        yield f"ALTER FUNCTION {function} OWNER TO {AUDITOR}"
        yield f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC"
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {role}"


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it to its end in a thread of its own: whoever calls may be inside an event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
