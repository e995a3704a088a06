"""Making and revoking accounts of programs, by whoever operates the system.

    python -m services.registration.admin users create --role ROLE --area CODE --name NAME [--organisation ID]
    python -m services.registration.admin users revoke --client-id ID

`create` prints `client_id` and `client_secret` as JSON; the secret is shown this once and only its hash is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.registration.domain.people import Refused, check_level
from services.registration.store.sign_in import SignIns
from shared.areas.register import UnknownArea, area
from shared.contracts.events import Role
from shared.observability.clock import SystemClock
from shared.postgres.pool import UNREACHABLE, open_pool
from shared.postgres.settings import PostgresSettings


class Usage(Exception):
    """What was asked for cannot be done; the message says why."""


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
            client_id, secret = await SignIns(pool).add_client(
                name=name, role=role, area=area_code, organisation_id=organisation, now=SystemClock().now()
            )
        except asyncpg.ForeignKeyViolationError:
            raise Usage(f"there is no organisation {organisation}") from None
    return {"client_id": str(client_id), "client_secret": secret}


async def revoke(client_id: UUID) -> dict[str, str]:
    """End a program's account. Raises `Usage`."""
    async with await open_pool(PostgresSettings(), application="registration-admin", max_size=1) as pool:
        if not await SignIns(pool).revoke_client(client_id, now=SystemClock().now()):
            raise Usage(f"there is no account {client_id}")
    return {"client_id": str(client_id), "status": "revoked"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code is 0, 1 when it cannot be done, 2 for a wrong command line."""
    given = _parser().parse_args(arguments)
    if given.command == "create":
        work = create(role=given.role, area_code=given.area, name=given.name, organisation=given.organisation)
    else:
        work = revoke(given.client_id)
    try:
        print(json.dumps(asyncio.run(work)))
    except Usage as error:
        print(error, file=sys.stderr)
        return 1
    except UNREACHABLE as error:
        print(
            f"the registration database cannot be reached ({type(error).__name__}): is the stack up?", file=sys.stderr
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="users")
    things = parser.add_subparsers(dest="thing", required=True)
    commands = things.add_parser("users", help="accounts of programs").add_subparsers(dest="command", required=True)
    making = commands.add_parser("create", help="make an account and print its credentials, once")
    making.add_argument("--role", type=Role, required=True, help=", ".join(Role))
    making.add_argument(
        "--area", default="", help='code of the area in which the role is held; "" is the whole country'
    )
    making.add_argument("--name", required=True, help="a label by which you know the account again")
    making.add_argument("--organisation", type=UUID, help="id of the organisation for which it acts")
    ending = commands.add_parser("revoke", help="end an account")
    ending.add_argument("--client-id", type=UUID, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
