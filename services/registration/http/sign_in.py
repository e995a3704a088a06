"""/v1/codes, /v1/tokens and the public keys: how somebody gets a token, and how others check it.

The token endpoint follows RFC 6749, with its error bodies; `message` says the same in the caller's language.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.registration.codes import new_one_time_code, typed_one_time_code
from services.registration.http.fields import Phone
from services.registration.http.parts import Parts, parts
from services.registration.settings import (
    ACCESS_LIFE,
    CODE_ATTEMPTS,
    CODE_LIFE,
    CODES_PER_ADDRESS,
    CODES_PER_PHONE,
    FAILED_SIGN_INS_PER_ADDRESS,
    FAILED_SIGN_INS_PER_CLIENT,
    REFRESH_LIFE,
    TOKENS_PER_CLIENT,
)
from services.registration.sms import TextMessage
from services.registration.store.sign_in import Holder
from shared.postgres.throttle import Throttled
from shared.security.identifiers import InvalidIdentifier, mobile_number
from shared.security.tokens import MAX_TOKEN_LENGTH, InvalidToken, unverified
from shared.web.fields import Body
from shared.web.origin import address_of
from shared.web.problems import Message, Problem, language_of

router = APIRouter(tags=["sign-in"])

CLIENT_CREDENTIALS: Final = "client_credentials"
ONE_TIME_CODE: Final = "urn:jitasa:one-time-code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105

_MAX_FIELDS = 20  # a token request has four
_MAX_FIELD_LENGTH = 500  # the longest, a client secret or refresh token, has 43 characters
_TEXT: Final = {"type": "string"}
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": "Refused, in the words of RFC 6749.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["error", "error_description", "message"],
                    "properties": dict.fromkeys(("error", "error_description", "message"), _TEXT),
                }
            }
        },
    }
}


def _taking(required: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """What the documentation says of a body that the route reads itself, as a form or as JSON."""
    schema = {"type": "object", "required": [required], "properties": fields}
    content = {kind: {"schema": schema} for kind in ("application/x-www-form-urlencoded", "application/json")}
    return {"requestBody": {"required": True, "content": content}}


class CodeRequest(Body):
    """The phone to which a one-time code is to be sent."""

    phone: Phone


class TokenError(Exception):
    """A token request that is refused, in the words of RFC 6749, section 5.2."""

    def __init__(
        self, error: str, message: Message, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.message = message
        self.status = status
        self.headers = dict(headers or {})

    def response(self, request: Request) -> JSONResponse:
        """Answer `request`."""
        language = language_of(request.headers.get("accept-language"))
        body = {
            "error": self.error,
            "error_description": self.message.en,  # the RFC allows ASCII alone here
            "message": self.message.in_language(language),
        }
        return JSONResponse(
            body,
            status_code=self.status,
            headers={**_NO_STORE, "Content-Language": language, "Vary": "Accept-Language", **self.headers},
        )


@router.post("/v1/codes", status_code=202)
async def send_code(request: Request, body: CodeRequest, parts: Annotated[Parts, Depends(parts)]) -> dict[str, int]:
    """Send a one-time code by SMS, if an approved person has this phone. The answer is the same if nobody has."""
    now = parts.clock.now()
    await parts.throttle.spend(CODES_PER_ADDRESS, address_of(request), now=now)
    await parts.throttle.spend(CODES_PER_PHONE, body.phone, now=now)
    if not parts.messenger.offer(lambda: _code_message(parts, body.phone)):
        raise Problem(503, headers={"Retry-After": "15"})
    return {"expires_in": int(CODE_LIFE.total_seconds())}


async def _code_message(parts: Parts, phone: str) -> TextMessage | None:
    code, now = new_one_time_code(), parts.clock.now()
    written = await parts.sign_ins.write_code(
        parts.index.of_phone(phone),
        _hash_code(parts, phone, code),
        now=now,
        expires_at=now + CODE_LIFE,
        attempts=CODE_ATTEMPTS,
    )
    if not written:
        return None
    minutes = int(CODE_LIFE.total_seconds() // 60)
    text = (
        f"รหัสเข้าสู่ระบบ Jitasa คือ {code} ใช้ได้ {minutes} นาที ห้ามบอกผู้อื่น / "
        f"Your Jitasa code is {code}, good for {minutes} minutes. Tell nobody."
    )
    return TextMessage(phone, text, code)


def _hash_code(parts: Parts, phone: str, code: str) -> bytes:
    # A keyed hash: of a plain one, all million codes could be tried by whoever reads the table.
    return parts.index.of("one-time-code", f"{phone}\0{code}")


@router.post(
    "/v1/tokens",
    openapi_extra=_taking(
        "grant_type",
        grant_type={"enum": [CLIENT_CREDENTIALS, ONE_TIME_CODE, REFRESH_TOKEN]},
        **dict.fromkeys(("client_id", "client_secret", "phone", "code", "refresh_token"), _TEXT),
    ),
    responses=_REFUSED,
)
async def create_token(request: Request, parts: Annotated[Parts, Depends(parts)]) -> Response:
    """Give out an access token, against client credentials, a one-time code or a refresh token."""
    try:
        return JSONResponse(await _token(request, parts), headers=_NO_STORE)
    except TokenError as error:
        return error.response(request)


@router.post(
    "/v1/tokens/revocation",
    openapi_extra=_taking("token", token=_TEXT, token_type_hint=_TEXT),
    response_class=Response,
    responses=_REFUSED,
)
async def revoke_token(request: Request, parts: Annotated[Parts, Depends(parts)]) -> Response:
    """End the sign-in that a refresh token or an access token comes from (RFC 7009).

    No refresh token of it is good afterwards; an access token lives on for its 15 minutes at most. The answer is 200
    for any token, also for an unknown one; holding the token is the proof that it may be revoked.
    """
    try:
        token = _required(await _fields(request, longest=MAX_TOKEN_LENGTH), "token")
    except TokenError as error:
        return error.response(request)
    now = parts.clock.now()
    try:
        await parts.verifier.verify(token)
        session = UUID(unverified(token)[1]["sid"])
    except (InvalidToken, KeyError, ValueError, TypeError, AttributeError):
        await parts.sign_ins.end_session_of(token, now=now)
    else:
        await parts.sign_ins.end_session(session, now=now)
    return Response(status_code=200, headers=_NO_STORE)


@router.get("/.well-known/jwks.json")
async def jwks(parts: Annotated[Parts, Depends(parts)]) -> Response:
    """Give the public keys with which tokens are checked."""
    # Five minutes: as often as our own verifiers look.
    return Response(parts.signer.jwks, media_type="application/json", headers={"Cache-Control": "public, max-age=300"})


async def _token(request: Request, parts: Parts) -> dict[str, Any]:
    fields = await _fields(request)
    address, now = address_of(request), parts.clock.now()
    async with _throttled():
        await parts.throttle.check(FAILED_SIGN_INS_PER_ADDRESS, address, now=now)
        try:
            match fields.get("grant_type"):
                case "client_credentials":
                    return _answer(parts, await _client(request, fields, parts))
                case "urn:jitasa:one-time-code":
                    return _answer(parts, *await _redeem(fields, parts))
                case "refresh_token":
                    return _answer(parts, *await _refresh(fields, parts))
                case None:
                    raise _missing("grant_type")
                case _:
                    raise TokenError(
                        "unsupported_grant_type",
                        Message("ไม่รองรับ grant_type นี้", "This grant_type is not supported"),
                    )
        except TokenError as error:
            if error.error in ("invalid_grant", "invalid_client"):
                await parts.throttle.note_failure(FAILED_SIGN_INS_PER_ADDRESS, address, now=now)
            raise


@asynccontextmanager
async def _throttled() -> AsyncIterator[None]:
    try:
        yield
    except Throttled as throttled:
        raise TokenError(
            "temporarily_unavailable",
            Message("ลองหลายครั้งเกินไป โปรดรอสักครู่", "Too many attempts, please wait"),
            status=429,
            headers={"Retry-After": str(throttled.retry_after)},
        ) from None


def _answer(parts: Parts, holder: Holder, refresh_token: str | None = None) -> dict[str, Any]:
    now = parts.clock.now()
    parts.presence.note(holder.subject, now)
    # A token ends with the role: not even a process that hears of nothing any more takes it for longer.
    expires_at = now + ACCESS_LIFE if holder.until is None else min(now + ACCESS_LIFE, holder.until)
    token = parts.signer.sign(
        subject=holder.subject,
        organisation=holder.organisation_id,
        role=holder.role,
        area=holder.area,
        issued_at=now,
        expires_at=expires_at,
        session=holder.session,
    )
    answer: dict[str, Any] = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int((expires_at - now).total_seconds()),
    }
    return answer if refresh_token is None else answer | {"refresh_token": refresh_token}


async def _client(request: Request, fields: Mapping[str, str], parts: Parts) -> Holder:
    client_id, secret = _basic_credentials(request) or (
        _required(fields, "client_id"),
        _required(fields, "client_secret"),
    )
    try:
        known: UUID | None = UUID(client_id)
    except ValueError:
        known = None  # no id of ours looks like this: as unknown as any other
    now, pair = parts.clock.now(), f"{known} {address_of(request)}"
    await parts.throttle.check(FAILED_SIGN_INS_PER_CLIENT, pair, now=now)
    holder = await parts.systems.holder(known, secret, now=now) if known else None
    if holder is None:
        await parts.throttle.note_failure(FAILED_SIGN_INS_PER_CLIENT, pair, now=now)
        raise TokenError(
            "invalid_client",
            Message("client_id หรือ client_secret ไม่ถูกต้อง", "The client_id or client_secret is wrong"),
            status=401,
            headers={"WWW-Authenticate": "Basic"},
        )
    await parts.throttle.spend(TOKENS_PER_CLIENT, str(known), now=now)
    return holder


async def _redeem(fields: Mapping[str, str], parts: Parts) -> tuple[Holder, str]:
    typed, code = _required(fields, "phone"), typed_one_time_code(_required(fields, "code"))
    try:
        phone = mobile_number(typed)
    except InvalidIdentifier:
        raise TokenError("invalid_request", Message("หมายเลขโทรศัพท์ไม่ถูกต้อง", "This is not a mobile number")) from None
    now = parts.clock.now()
    redeemed = code and await parts.sign_ins.redeem_code(
        parts.index.of_phone(phone), _hash_code(parts, phone, code), now=now, refresh_until=now + REFRESH_LIFE
    )
    if not redeemed:
        raise TokenError(
            "invalid_grant",
            Message("รหัสไม่ถูกต้องหรือหมดอายุ โปรดขอรหัสใหม่", "The code is wrong or has expired, please ask for another"),
        )
    return redeemed


async def _refresh(fields: Mapping[str, str], parts: Parts) -> tuple[Holder, str]:
    refreshed = await parts.sign_ins.refresh(_required(fields, "refresh_token"), now=parts.clock.now())
    if refreshed is None:
        raise TokenError("invalid_grant", Message("โปรดเข้าสู่ระบบอีกครั้ง", "Please sign in again"))
    return refreshed


async def _fields(request: Request, longest: int = _MAX_FIELD_LENGTH) -> dict[str, str]:
    """Read the request's fields, form or JSON; each may be given once and must be text of at most `longest`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    try:
        if media_type == "application/json":
            document = json.loads(body)
            pairs = list(document.items()) if isinstance(document, dict) else None
        elif media_type == "application/x-www-form-urlencoded":
            pairs = parse_qsl(body.decode(), strict_parsing=True, max_num_fields=_MAX_FIELDS) if body else []
        else:
            pairs = None
    except (ValueError, RecursionError):
        pairs = None
    if pairs is None or len(pairs) > _MAX_FIELDS:
        raise TokenError(
            "invalid_request",
            Message("ส่งเป็นแบบฟอร์มหรือ JSON", "Send a form (application/x-www-form-urlencoded) or JSON"),
        )
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields or not _is_text(value, longest):
            raise TokenError(
                "invalid_request", Message("แต่ละค่าต้องเป็นข้อความและมีครั้งเดียว", "Each field has to be text and given once")
            )
        fields[name] = value
    return fields


def _is_text(value: object, longest: int) -> bool:
    # JSON can spell half a character (a lone surrogate), which no hash can be taken of.
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _required(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise _missing(name)
    return value


def _missing(name: str) -> TokenError:
    return TokenError("invalid_request", Message(f"ต้องระบุ {name}", f"{name} is required"))


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)
