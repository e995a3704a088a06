"""The routes by which everybody reads a service's privacy notices."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from shared.web.notices import Notice, current
from shared.web.problems import language_of


class NoticeAnswer(BaseModel):
    """A version in the reader's language. spoken: in short, to be read out; text: the whole, by paragraphs."""

    version: str
    since: date
    spoken: str
    text: list[str]


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
