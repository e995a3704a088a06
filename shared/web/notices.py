"""Privacy notices: what people are told before they are asked about themselves, in dated versions.

A version is never edited: a new text is a new version with the day from which it holds, so that what was shown at a
visit or sign-up can always be said. Each service has its own; here is what they share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from shared.observability.clock import BANGKOK
from shared.web.problems import Message, language_of

UNKNOWN_NOTICE: Final = Message("ไม่มีประกาศรุ่นนี้", "There is no such version of the notice")
"""What is said of a version that never was, under the code `unknown_notice`."""
MOST_VERSION: Final = 20
"""Characters of a version, such as `2022-01`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One version. spoken: in two sentences, to be read out or shown first; text: the whole, by paragraphs."""

    version: str
    since: date
    spoken: Message
    text: Sequence[Message]


class NoticeAnswer(BaseModel):
    """A version in the reader's language. spoken: in short, to be read out; text: the whole, by paragraphs."""

    version: str
    since: date
    spoken: str
    text: list[str]


def current(notices: Sequence[Notice], now: datetime) -> Notice:
    """The version of `notices`, the oldest first, that holds at `now`; the first before any has begun."""
    today = now.astimezone(BANGKOK).date()
    return next((one for one in reversed(notices) if one.since <= today), notices[0])


def notice_routes(notices: Sequence[Notice], now_of: Callable[[Request], datetime]) -> APIRouter:
    """`GET /v1/notices/current` and `GET /v1/notices` of a service, open to everybody."""
    router = APIRouter(prefix="/v1/notices", tags=["personal data"])

    @router.get("/current")
    async def now(request: Request) -> NoticeAnswer:
        """Give the notice that holds today, Thai or English. What is sent afterwards names its version in `notice`."""
        return _answer(current(notices, now_of(request)), request)

    @router.get("")
    async def versions(request: Request) -> list[NoticeAnswer]:
        """Give every version that held or holds, the latest first."""
        return [_answer(one, request) for one in reversed(notices)]

    return router


def _answer(notice: Notice, request: Request) -> NoticeAnswer:
    language = language_of(request.headers.get("accept-language"))
    return NoticeAnswer(
        version=notice.version,
        since=notice.since,
        spoken=notice.spoken.in_language(language),
        text=[one.in_language(language) for one in notice.text],
    )
