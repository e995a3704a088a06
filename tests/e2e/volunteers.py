"""Volunteers who send what they found as a phone does, without one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from deploy.local.stack import Stack
from shared.contracts.events import Role
from shared.security.tokens import TokenSigner


def signed_in(stack: Stack, number: int, area: str) -> dict[str, str]:
    """The header by which the volunteer of this number, at work in this area, is known for five minutes."""
    now = datetime.now(UTC)
    token = TokenSigner.from_file(stack.secrets.signing_keys, issuer=stack.addresses().registration).sign(
        subject=UUID(int=number),
        organisation=None,
        role=Role.VOLUNTEER,
        area=area,
        issued_at=now,
        expires_at=now + timedelta(minutes=5),
    )
    return {"Authorization": f"Bearer {token}"}


def found(area: str, persons: Sequence[dict[str, Any]], *, ahead: timedelta = timedelta(0)) -> dict[str, Any]:
    """A household that nobody surveyed before, as it is sent. ahead: of the time, by a clock that is wrong."""
    return {
        "submission_id": str(uuid4()),
        "captured_at": (datetime.now(UTC) + ahead).isoformat(),
        "address": {"area": area, "house": str(uuid4())[:8]},
        "persons": list(persons),
    }
