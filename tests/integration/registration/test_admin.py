"""The operator's commands, as a process of their own."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from services.registration.admin import Usage, create_administrator, end_administrator, list_keys, rotate_keys
from services.registration.settings import RegistrationSettings
from shared.contracts.events import Role
from shared.postgres.settings import PostgresSettings
from tests.integration.registration.conftest import Office, Phones, new_phone
from tests.integration.registration.test_sign_in import CODE, code_for, refused


async def admin(
    database: PostgresSettings, *arguments: str, settings: RegistrationSettings | None = None
) -> tuple[int, str, str]:
    """Exit code, output and errors of a command; `settings` name the files of keys."""
    environment = {
        "PATH": os.environ["PATH"],
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(database.password_file),
    }
    if settings is not None:
        environment |= {
            "JITASA_SEALING_KEYS_FILE": str(settings.sealing_keys_file),
            "JITASA_BLIND_INDEX_KEY_FILE": str(settings.blind_index_key_file),
            "JITASA_SIGNING_KEYS_FILE": str(settings.signing_keys_file),
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


async def test_the_first_administrator_is_made_here_and_signs_in_by_phone(
    office: Office, phones: Phones, database: PostgresSettings, registration_settings: RegistrationSettings
) -> None:
    phone = new_phone()
    create = ("users", "create-administrator", "--phone", f"+66 {phone[1:]}", "--name", "สมชาย ใจดี")
    code, output, errors = await admin(database, *create, settings=registration_settings)
    assert (code, errors) == (0, "")
    made = json.loads(output)
    assert made["role"] == "central_administrator"
    assert not {"password", "secret", "code"} & set(made)
    signed = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    token = signed.json()["access_token"]
    assert (await office.ask("GET", "/v1/systems", token)).status_code == 200
    organisation = await office.ask(
        "POST", "/v1/organisations", token, json={"name": "x", "kind": "agency", "area": "50"}
    )
    body = {"name": "ผู้ดูแล", "phone": new_phone(), "role": "province_administrator", "area": "50"}
    body["organisation_id"] = organisation.json()["organisation_id"]
    assert (await office.ask("POST", "/v1/appointments", token, json=body)).status_code == 201
    assert [event["role"] for event in await office.events(made["person_id"])] == ["central_administrator"]

    ending = ("users", "end-administrator", "--phone", phone, "--reason", "ลาออก")
    assert (await admin(database, *ending, settings=registration_settings))[0] == 0
    refresh = signed.json()["refresh_token"]
    refused(await office.tokens(grant_type="refresh_token", refresh_token=refresh), "invalid_grant")
    assert [event["status"] for event in await office.events(made["person_id"])] == ["approved", "withdrawn"]


@pytest.fixture
def on_the_machine(
    database: PostgresSettings,
    registration_settings: RegistrationSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """What the command is told, for this process: starting one takes a second. The file of signing keys."""
    keys = tmp_path / "signing-keys.json"
    shutil.copy(registration_settings.signing_keys_file, keys)
    for name, value in (
        ("SEALING_KEYS_FILE", registration_settings.sealing_keys_file),
        ("BLIND_INDEX_KEY_FILE", registration_settings.blind_index_key_file),
        ("SIGNING_KEYS_FILE", keys),
        *((f"POSTGRES_{name.upper()}", getattr(database, name)) for name in PostgresSettings.model_fields),
    ):
        if value is not None:
            monkeypatch.setenv(f"JITASA_{name}", str(value))
    return keys


@pytest.mark.usefixtures("on_the_machine")
async def test_nobody_becomes_administrator_by_a_slip_of_the_keyboard(office: Office) -> None:
    phone = new_phone()
    volunteer = await office.volunteer(phone=phone)
    for number, name, words in (
        (phone, "สมชาย ใจดี", "registered already: volunteer, area 500101, approved"),
        ("053936150", "สมชาย ใจดี", "--phone: A mobile number begins with"),
        (new_phone(), " ", "--name: This is too short"),
    ):
        with pytest.raises(Usage, match=words):
            await create_administrator(phone=number, name=name, registered=False)
    assert len(await office.events(volunteer)) == 2
    made = await create_administrator(phone=phone, name="สมชาย ใจดี", registered=True)
    assert made["person_id"] == volunteer
    assert await create_administrator(phone=phone, name="สมชาย ใจดี", registered=False) == made
    assert [event["role"] for event in await office.events(volunteer)] == [
        "volunteer",
        "volunteer",
        "central_administrator",
    ]
    suspended = new_phone()
    await office.suspend(await office.volunteer(phone=suspended))
    with pytest.raises(Usage, match="suspended"):
        await create_administrator(phone=suspended, name="x", registered=True)
    with pytest.raises(Usage, match="nobody with this phone"):
        await end_administrator(phone=suspended, reason="ลาออก")


async def test_signing_keys_are_rotated_by_a_command(on_the_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [first] = (await list_keys())["keys"]
    assert first["state"] == "signs"
    rotated = await rotate_keys(compromised=False)
    assert [key["state"] for key in rotated["keys"]] == ["published, signs later", "signs"]
    assert await list_keys() == rotated
    assert mode_of(on_the_machine) == 0o600
    with pytest.raises(Usage, match="published already"):
        await rotate_keys(compromised=False)
    [only] = (await rotate_keys(compromised=True))["keys"]
    assert (only["state"], only["kid"] != first["kid"]) == ("signs", True)
    monkeypatch.setenv("JITASA_SIGNING_KEYS_FILE", str(on_the_machine.parent / "missing"))
    with pytest.raises(Usage, match="missing"):
        await rotate_keys(compromised=False)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777
