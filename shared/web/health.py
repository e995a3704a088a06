"""What every process answers of itself: /healthz, /readyz and /metrics.

Workers have no other routes, hence nothing here loads what only the interfaces of services need.
"""

from collections.abc import Awaitable, Callable

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.web.counted import Counted
from shared.web.origin import through_a_proxy
from shared.web.problems import Problem, problem_response

Answer = Callable[[Request], Awaitable[Response]]


def health_routes(ready: Callable[[], list[str]]) -> list[Route]:
    """/healthz (the process answers), /readyz (it can work now) and /metrics, which no proxy leads outside.

    ready: gives the reasons why the process cannot work now; an empty list means ready.
    """

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        reasons = ready()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)

    async def metrics(request: Request) -> Response:
        if through_a_proxy(request):
            return problem_response(request, Problem(404))
        encode, content_type = choose_encoder(request.headers.get("accept", ""))  # exemplars need OpenMetrics
        return Response(encode(REGISTRY), media_type=content_type)

    return [
        Route(path, _counted_as(path, answer), include_in_schema=False)
        for path, answer in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics))
    ]


def _counted_as(path: str, answer: Answer) -> Answer:
    async def endpoint(request: Request) -> Response:
        request.scope["route"] = Counted(path)
        return await answer(request)

    return endpoint
