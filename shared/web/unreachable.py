"""What is answered when the database does not."""

from starlette.requests import Request
from starlette.responses import Response

from shared.web.problems import Problem, problem_response


async def on_unreachable(request: Request, _: Exception) -> Response:
    """Answer for a database that is away: nothing was changed, or it is not known, and the same may be sent again."""
    return problem_response(request, Problem(503, headers={"Retry-After": "5"}))
