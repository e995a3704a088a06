"""What only whoever operates the machine may do: first administrators, accounts of programs, signing keys.

    python -m services.registration.admin users create-administrator --phone PHONE --name NAME
    python -m services.registration.admin users end-administrator --phone PHONE --reason TEXT
    python -m services.registration.admin users create --role ROLE --area CODE --name NAME [--organisation ID]
    python -m services.registration.admin users revoke --client-id ID
    python -m services.registration.admin keys list
    python -m services.registration.admin keys rotate [--compromised]

`create` prints `client_id` and `client_secret` as JSON; the secret is shown this once and only its hash is kept. An
administrator gets no password at all: he signs in by a one-time code to his phone, as everybody does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.registration.domain.people import Refused, check_level
from services.registration.http.fields import Name, Phone, Reason
from services.registration.store.administrators import Administrators, NoAdministrator, Registered
from services.registration.store.people import Contact, People
from services.registration.store.systems import Systems
from shared.areas.register import UnknownArea, area
from shared.contracts.events import Role
from shared.observability.clock import BANGKOK, SystemClock
from shared.postgres.pool import UNREACHABLE, open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing
from shared.security.signing_keys import KeysWaiting, SigningKeys, read_signing_keys, rotate
from shared.web.validation import field_errors


class Usage(Exception):
    """What was asked for cannot be done; the message says why."""


class KeySettings(BaseSettings):
    """JITASA_SEALING_KEYS_FILE, _BLIND_INDEX_KEY_FILE: what names and numbers are sealed and found by."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    sealing_keys_file: Path
    blind_index_key_file: Path


class SigningSettings(BaseSettings):
    """JITASA_SIGNING_KEYS_FILE: the file of signing keys."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    signing_keys_file: Path


async def create_administrator(*, phone: str, name: str, registered: bool) -> dict[str, str]:
    """Make a person central administrator, who then signs in by one-time code. Raises `Usage`."""
    phone, name = _checked("phone", Phone, phone), _checked("name", Name, name)
    keys = KeySettings()
    ring, index = KeyRing.from_file(keys.sealing_keys_file), BlindIndex.from_file(keys.blind_index_key_file)
    contact = Contact.of(index, name, phone)
    async with await open_pool(PostgresSettings(), application="registration-admin", max_size=1) as pool:
        try:
            person = await Administrators(pool, People(pool, ring)).create(
                contact, take_registered=registered, now=SystemClock().now()
            )
        except Registered as found:
            raise Usage(
                f"this phone is registered already: {found.person.role}, area {found.person.area or 'whole country'}, "
                f"{found.person.status}. If this is the person you mean, say so with --registered: the role held so "
                "far ends then\n"
                "หมายเลขนี้ลงทะเบียนไว้แล้ว หากเป็นบุคคลนี้จริง ให้สั่งอีกครั้งพร้อม --registered บทบาทเดิมจะสิ้นสุด"
            ) from None
        except Refused as refused:
            raise Usage(f"this person is {refused.code}, and an administrator has to lift that first") from None
    return {"person_id": str(person.person_id), "role": str(person.role), "sign_in": "POST /v1/codes, then /v1/tokens"}


async def end_administrator(*, phone: str, reason: str) -> dict[str, str]:
    """Take the role of central administrator away. Raises `Usage`."""
    phone, reason = _checked("phone", Phone, phone), _checked("reason", Reason, reason)
    keys = KeySettings()
    ring, index = KeyRing.from_file(keys.sealing_keys_file), BlindIndex.from_file(keys.blind_index_key_file)
    async with await open_pool(PostgresSettings(), application="registration-admin", max_size=1) as pool:
        try:
            person = await Administrators(pool, People(pool, ring)).end(
                index.of_phone(phone), reason=reason, now=SystemClock().now()
            )
        except NoAdministrator:
            raise Usage("nobody with this phone is central administrator") from None
    return {"person_id": str(person.person_id), "status": str(person.status)}


async def create(*, role: Role, area_code: str, name: str, organisation: UUID | None) -> dict[str, str]:
    """Make a program's account and return its credentials. Raises `Usage`."""
    try:
        area(area_code)
        check_level(role, area_code)
    except UnknownArea as error:
        raise Usage(str(error)) from None
    except Refused:
        raise Usage(f"the role {role} is not held in areas of {len(area_code)} digits") from None
    async with await open_pool(PostgresSettings(), application="registration-admin", max_size=1) as pool:
        try:
            client_id, secret = await Systems(pool).add(
                name=name, role=role, area=area_code, organisation_id=organisation, now=SystemClock().now()
            )
        except asyncpg.ForeignKeyViolationError:
            raise Usage(f"there is no organisation {organisation}") from None
    return {"client_id": str(client_id), "client_secret": secret}


async def revoke(client_id: UUID) -> dict[str, str]:
    """End a program's account. Raises `Usage`."""
    async with await open_pool(PostgresSettings(), application="registration-admin", max_size=1) as pool:
        if not await Systems(pool).revoke(client_id, now=SystemClock().now()):
            raise Usage(f"there is no account {client_id}")
    return {"client_id": str(client_id), "status": "revoked"}


async def list_keys() -> dict[str, Any]:
    """Tell which keys are published, and which of them signs. Raises `Usage`."""
    path = SigningSettings().signing_keys_file
    try:
        return _described(read_signing_keys(path), SystemClock().now())
    except (OSError, ValueError) as error:
        raise Usage(str(error)) from None


async def rotate_keys(*, compromised: bool) -> dict[str, Any]:
    """Publish a new signing key, which signs a quarter of an hour later; compromised: at once, alone.

    Raises `Usage`.
    """
    path, now = SigningSettings().signing_keys_file, SystemClock().now()
    try:
        return _described(rotate(path, now, compromised=compromised), now)
    except KeysWaiting as waiting:
        raise Usage(
            f"the key {waiting.key_id} is published already and signs from "
            f"{waiting.signs_from.astimezone(BANGKOK):%H:%M} (Thailand); rotate again after that"
        ) from None
    except (OSError, ValueError) as error:
        raise Usage(str(error)) from None


def _described(keys: SigningKeys, now: datetime) -> dict[str, Any]:
    current = keys.at(now)
    return {
        "keys": [
            {
                "kid": one.key_id,
                "signs_from": None if one.signs_from is None else one.signs_from.isoformat(),
                "state": "signs" if one.key is current else _state(one.signs_from, now),
            }
            for one in keys.keys
        ]
    }


def _state(signs_from: datetime | None, now: datetime) -> str:
    return "published, signs later" if signs_from is not None and signs_from > now else "published, retired"


def _checked(name: str, kind: Any, text: str) -> str:
    try:
        checked: str = TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise Usage(f"--{name}: {field_errors(error.errors())[0].message.en}") from None
    return checked


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code is 0, 1 when it cannot be done, 2 for a wrong command line."""
    given = _parser().parse_args(arguments)
    try:
        print(json.dumps(asyncio.run(_work(given)), ensure_ascii=False))
    except Usage as error:
        print(error, file=sys.stderr)
        return 1
    except UNREACHABLE as error:
        print(
            f"the registration database cannot be reached ({type(error).__name__}): is the stack up?", file=sys.stderr
        )
        return 1
    return 0


def _work(given: argparse.Namespace) -> Coroutine[Any, Any, dict[str, Any]]:
    match f"{given.thing} {given.command}":
        case "users create-administrator":
            return create_administrator(phone=given.phone, name=given.name, registered=given.registered)
        case "users end-administrator":
            return end_administrator(phone=given.phone, reason=given.reason)
        case "users create":
            return create(role=given.role, area_code=given.area, name=given.name, organisation=given.organisation)
        case "users revoke":
            return revoke(given.client_id)
        case "keys rotate":
            return rotate_keys(compromised=given.compromised)
        case _:
            return list_keys()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jitasa admin")
    things = parser.add_subparsers(dest="thing", required=True)

    users = things.add_parser("users", help="administrators, and accounts of programs")
    commands = users.add_subparsers(dest="command", required=True)
    first = commands.add_parser("create-administrator", help="make a person central administrator")
    first.add_argument("--phone", required=True, help="the mobile number to which one-time codes go")
    first.add_argument("--name", required=True, help="first and last name")
    first.add_argument("--registered", action="store_true", help="also if this phone is registered with another role")
    last = commands.add_parser("end-administrator", help="take the role of central administrator away")
    last.add_argument("--phone", required=True)
    last.add_argument("--reason", required=True, help="kept sealed")
    making = commands.add_parser("create", help="make a program's account and print its credentials, once")
    making.add_argument("--role", type=Role, required=True, help=", ".join(Role))
    making.add_argument(
        "--area", default="", help='code of the area in which the role is held; "" is the whole country'
    )
    making.add_argument("--name", required=True, help="a label by which you know the account again")
    making.add_argument("--organisation", type=UUID, help="id of the organisation for which it acts")
    ending = commands.add_parser("revoke", help="end a program's account")
    ending.add_argument("--client-id", type=UUID, required=True)

    keys = things.add_parser("keys", help="the keys that sign tokens").add_subparsers(dest="command", required=True)
    keys.add_parser("list", help="which are published, and which one signs")
    rotating = keys.add_parser("rotate", help="publish a new key, which signs a quarter of an hour later")
    rotating.add_argument(
        "--compromised",
        action="store_true",
        help="the new key signs at once and the others are withdrawn: everybody has to refresh his token",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
