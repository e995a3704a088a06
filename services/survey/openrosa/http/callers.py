"""Who a device is: by the key in its path, or by one that was typed as a password (HTTP Basic).

The key in the path is what a QR code carries; phones store it as part of the server's address and need nothing else.
Failures are counted by address, in the database: all processes count together.
"""

import base64
import binascii
from datetime import timedelta
from typing import Final

from starlette.requests import Request

from services.survey.openrosa.keys import KeyEnded, NoKey, OpenRosaKeys
from shared.postgres.throttle import Limit, Throttle
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import Authentication, Required, demand
from shared.web.origin import address_of
from shared.web.problems import Message, Problem

FAILURES: Final = Limit("openrosa-key", 300, timedelta(minutes=10))
"""A key of 100 random bits is not found by trying; this bounds what trying costs. Many phones share an address of their
mobile net, and one with a dead key asks again every quarter of an hour."""

UNKNOWN: Final = Message(
    "ไม่รู้จักกุญแจนี้ โปรดตั้งค่าเครื่องใหม่จากหน้า ODK ของระบบ", "This key is not known: set the device up anew from the ODK page"
)
ENDED: Final = Message(
    "กุญแจนี้หมดอายุหรือถูกยกเลิกแล้ว โปรดสร้างใหม่ในหน้า ODK ของระบบ แบบสำรวจในเครื่องยังส่งได้หลังตั้งค่าใหม่",
    "This key has ended: make a new one on the ODK page; the forms on the device can still be sent then",
)
SUSPENDED: Final = Message("บัญชีนี้ถูกระงับ โปรดติดต่อผู้ประสานงาน", "This account is suspended, please ask your coordinator")
LEFT: Final = Message(
    "บทบาทหรือพื้นที่ของท่านเปลี่ยนแล้ว โปรดสร้างกุญแจใหม่ในหน้า ODK ของระบบ",
    "You hold another role or area now: make a new key on the ODK page",
)
_CHALLENGE: Final = 'Basic realm="Jitasa", charset="UTF-8"'


class Rejected(Exception):
    """The key is good for nobody now; status: 404 for one that nobody was given, otherwise 403."""

    def __init__(self, status: int, code: str, message: Message) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


async def _holder(request: Request, key: str) -> Principal:
    """Whom a key stands for. Raises `Rejected`, `Throttled`, or 403 for a role that may not survey."""
    state = request.app.state
    now = state.clock.now()
    throttle, address = Throttle(state.pool, state.blind_index), address_of(request)
    await throttle.check(FAILURES, address, now=now)
    try:
        principal, made_at = await OpenRosaKeys(state.pool).holder(key, now=now)
    except (NoKey, KeyEnded) as error:
        await throttle.note_failure(FAILURES, address, now=now)
        if isinstance(error, NoKey):
            raise Rejected(404, "unknown_key", UNKNOWN) from None
        raise Rejected(403, "key_ended", ENDED) from None
    authentication: Authentication = state.authentication
    if authentication.bar.is_barred(principal.subject):
        raise Rejected(403, "holder_suspended", SUSPENDED)
    if authentication.moves is not None and authentication.moves.moved_since(principal.subject, made_at):
        raise Rejected(403, "role_left", LEFT)
    return demand(principal, Right.SUBMISSION_CREATE)


async def by_path(request: Request, key: str) -> Principal:
    """A dependency that gives the holder of the key in the path; raises a problem 403, 404 or 429."""
    try:
        return await _holder(request, key)
    except Rejected as error:
        raise Problem(error.status, error.code, detail=error.message) from None


class ByHeader(Required):
    """A dependency that gives the caller who says who he is in a header: by a key as the password of HTTP Basic,
    whatever the user's name, or by a bearer token as everywhere."""

    async def __call__(self, request: Request) -> Principal:
        """The caller; raises a problem 401, 403 or 429. A 401 asks for a password, as Collect expects."""
        try:
            scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "basic":
                return await _holder(request, _password(credentials))
            return await super().__call__(request)
        except Rejected as error:
            raise Problem(401, error.code, detail=error.message, headers={"WWW-Authenticate": _CHALLENGE}) from None
        except Problem as problem:
            if problem.status == 401:
                problem.headers["WWW-Authenticate"] = _CHALLENGE
            raise


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except (ValueError, binascii.Error):
        return ""  # the key that nobody has


by_header: Final = ByHeader(Right.SUBMISSION_CREATE)
