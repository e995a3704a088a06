"""Each change that an administrator or a coordinator asks for leaves a line that says who, what and when."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from structlog.testing import capture_logs

from shared.contracts.events import Role
from shared.security.rights import RIGHTS, Right
from shared.web.access import Demand
from shared.web.acts import ACTING
from tests.integration.conftest import HOME, Services, each, status_of

OFFICER = UUID(int=77)
PHONES = ("/v1/submissions", "/v1/submissions:batch", "/v1/follow-ups", "/v1/follow-ups:batch")
"""What is found at a house is no act of an office: each record names its sender for good."""


async def test_every_route_that_changes_something_tells_who_asked_for_it(
    services: Services, token_of: Callable[..., str]
) -> None:
    untold, asked = [], 0
    for name, service, key, route in each(services):
        if route.method == "GET" or route.path in PHONES:
            continue
        for role in ACTING:
            allowed = route.demand in (Demand.SIGNED_IN, Demand.OPTIONAL) or (
                isinstance(route.demand, Right) and route.demand in RIGHTS[role]
            )
            if not allowed:
                continue
            with capture_logs() as lines:
                status = await status_of(service, route, token_of(role, subject=OFFICER))
            told = [line for line in lines if line["event"] == "act"]
            asked += 1
            expected = {
                "by": str(OFFICER),
                "role": str(role),
                "area": HOME[role],
                "method": route.method,
                "route": route.path,
                "status": status,
            }
            if len(told) != 1 or not expected.items() <= told[0].items():
                untold.append(f"{name} {key} as {role}, {status}: {told}")
            elif told[0]["of"].keys() & {"code", "key"} or len(told[0]["of"]) > route.path.count("{"):
                untold.append(f"{name} {key} tells too much: {told}")
    assert untold == []
    assert asked > 200


async def test_what_is_refused_is_told_too_and_reading_and_others_are_not(
    services: Services, token_of: Callable[..., str]
) -> None:
    def acts(lines: list[Any]) -> list[Any]:
        return [line["status"] for line in lines if line["event"] == "act"]

    reporting, survey = services["reporting"], services["survey"]
    rebuild, monitor = reporting.routes["POST /v1/rebuilds"], reporting.routes["GET /v1/monitor"]
    with capture_logs() as lines:
        await status_of(reporting, rebuild, token_of(Role.PROVINCE_ADMINISTRATOR))
    assert acts(lines) == [403]
    with capture_logs() as lines:
        await status_of(reporting, monitor, token_of(Role.CENTRAL_ADMINISTRATOR))
        await status_of(reporting, rebuild, None)
        claims = survey.routes["POST /v1/need-to-reach/claims"]
        await status_of(survey, claims, token_of(Role.VOLUNTEER))
    assert acts(lines) == []
