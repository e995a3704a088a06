"""The operator's commands, as a process of their own."""

import asyncio
import json
import os
import sys
from uuid import uuid4

from shared.contracts.events import Role
from shared.postgres.settings import PostgresSettings
from tests.integration.registration.conftest import Office


async def admin(database: PostgresSettings, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    environment = {
        "PATH": os.environ["PATH"],
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(database.password_file),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "services.registration.admin", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_an_account_is_made_used_and_revoked(office: Office, database: PostgresSettings) -> None:
    create = ("users", "create", "--role", Role.PROVINCE_ADMINISTRATOR, "--area", "50", "--name", "ศูนย์จังหวัด")
    code, output, errors = await admin(database, *create)
    assert (code, errors) == (0, "")
    credentials = json.loads(output)
    assert set(credentials) == {"client_id", "client_secret"}
    answer = await office.tokens(grant_type="client_credentials", **credentials)
    assert answer.status_code == 200
    assert (await office.ask("GET", "/v1/volunteers", answer.json()["access_token"])).status_code == 200
    code, _, _ = await admin(database, "users", "revoke", "--client-id", credentials["client_id"])
    assert code == 0
    assert (await office.tokens(grant_type="client_credentials", **credentials)).status_code == 401


async def test_what_cannot_be_done_is_said(database: PostgresSettings) -> None:
    create = ("users", "create", "--name", "x", "--role")
    for arguments, expected, words in (
        ((*create, "district_coordinator", "--area", "50"), 1, "not held in areas of 2 digits"),
        ((*create, "province_administrator", "--area", "99"), 1, "99"),
        ((*create, "volunteer", "--area", "50", "--organisation", str(uuid4())), 1, "there is no organisation"),
        ((*create, "king"), 2, "invalid Role value"),
        (("users", "revoke", "--client-id", str(uuid4())), 1, "there is no account"),
    ):
        code, output, errors = await admin(database, *arguments)
        assert (code, output) == (expected, ""), arguments
        assert words in errors
    away = database.model_copy(update={"port": 1})
    code, _, errors = await admin(away, *create, "central_administrator")
    assert (code, "cannot be reached" in errors) == (1, True)
