"""What is answered to who asks too often."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from shared.postgres.throttle import Throttled
from shared.web.problems import Message, Problem, problem_response


async def on_throttled(request: Request, error: Exception) -> Response:
    """Say when to come again."""
    assert isinstance(error, Throttled)  # noqa: S101 - registered for this type alone
    seconds = error.retry_after
    problem = Problem(
        429,
        detail=Message(f"โปรดลองใหม่ใน {seconds} วินาที", f"Please try again in {seconds} seconds"),
        headers={"Retry-After": str(seconds)},
    )
    return problem_response(request, problem)
