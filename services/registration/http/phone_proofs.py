"""/v1/phone-proofs: a citizen proves a phone, and gets a token for what concerns that phone.

The token is read by shared/security/citizen_tokens.py. No account is needed, nor made: who asks for help shall not have
to register first.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.registration.codes import new_one_time_code, typed_one_time_code
from services.registration.http.fields import Phone
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import unknown_field
from services.registration.settings import (
    CITIZEN_LIFE,
    CODE_ATTEMPTS,
    CODE_LIFE,
    FAILED_PROOFS_PER_ADDRESS,
    PROOFS_PER_ADDRESS,
    PROOFS_PER_PHONE,
)
from services.registration.sms import TextMessage
from services.registration.store import phone_proofs
from shared.security.citizen_tokens import sign_citizen
from shared.security.citizens import citizen_of
from shared.web.fields import Body
from shared.web.origin import address_of
from shared.web.problems import Problem

router = APIRouter(prefix="/v1/phone-proofs", tags=["citizens"])


class NewProof(Body):
    """The phone to which a code is to be sent."""

    phone: Phone


class ProofBegun(BaseModel):
    """A code is on its way; `expires_in` are seconds."""

    proof_id: UUID
    expires_in: int


CodeText = Annotated[str, Field(min_length=1, max_length=100, examples=["123456"])]
"""A code as it was typed: six digits, Thai or Arabic."""


class Code(Body):
    """The code that came."""

    code: CodeText


class CitizenToken(BaseModel):
    """A citizen's token; no route for people with a role takes it. `expires_in` are seconds."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750
    expires_in: int


@router.post("", status_code=202)
async def begin(request: Request, body: NewProof, parts: Annotated[Parts, Depends(parts)]) -> ProofBegun:
    """Send a code by SMS to any Thai mobile number."""
    now = parts.clock.now()
    await parts.throttle.spend(PROOFS_PER_ADDRESS, address_of(request), now=now)
    await parts.throttle.spend(PROOFS_PER_PHONE, body.phone, now=now)
    proof_id, code = uuid4(), new_one_time_code()
    await phone_proofs.begin(
        parts.pool,
        proof_id,
        citizen_of(parts.index, body.phone),
        _hash_code(parts, proof_id, code),
        expires_at=now + CODE_LIFE,
        attempts=CODE_ATTEMPTS,
    )
    message = _message(body.phone, code)
    if not parts.messenger.offer(lambda: _given(message)):
        raise Problem(503, headers={"Retry-After": "15"})
    return ProofBegun(proof_id=proof_id, expires_in=int(CODE_LIFE.total_seconds()))


@router.post("/{proof_id}/token")
async def redeem(
    request: Request, response: Response, proof_id: UUID, body: Code, parts: Annotated[Parts, Depends(parts)]
) -> CitizenToken:
    """Give a token against the code. Whether a code is wrong, old, used or was tried too often is not told."""
    now = parts.clock.now()
    subject = await proven(request, parts, proof_id, body.code)
    response.headers["Cache-Control"] = "no-store"
    return CitizenToken(
        access_token=sign_citizen(parts.signer, subject, issued_at=now, expires_at=now + CITIZEN_LIFE),
        expires_in=int(CITIZEN_LIFE.total_seconds()),
    )


async def proven(request: Request, parts: Parts, proof_id: UUID, code: str) -> UUID:
    """Take a code, once: the citizen whose phone it proves. Raises a 400 problem for `code`."""
    now, address = parts.clock.now(), address_of(request)
    await parts.throttle.check(FAILED_PROOFS_PER_ADDRESS, address, now=now)
    typed = typed_one_time_code(code) or ""
    subject = await phone_proofs.redeem(parts.pool, proof_id, _hash_code(parts, proof_id, typed), now=now)
    if subject is None:
        await parts.throttle.note_failure(FAILED_PROOFS_PER_ADDRESS, address, now=now)
        raise unknown_field("code", "รหัสไม่ถูกต้องหรือหมดอายุแล้ว", "This code is wrong or has expired", code="wrong_code")
    return subject


async def _given(message: TextMessage) -> TextMessage:
    return message


def _message(phone: str, code: str) -> TextMessage:
    minutes = int(CODE_LIFE.total_seconds() // 60)
    text = (
        f"รหัสยืนยันหมายเลขของท่านกับ Jitasa คือ {code} ใช้ได้ {minutes} นาที ห้ามบอกผู้อื่น / "
        f"{code} proves your number to Jitasa, for {minutes} minutes. Tell nobody."
    )
    return TextMessage(phone, text, proof_code=code)


def _hash_code(parts: Parts, proof_id: UUID, code: str) -> bytes:
    # A keyed hash: of a plain one, all million codes could be tried by whoever reads the table.
    return parts.index.of("phone-proof", f"{proof_id}\0{code}")
