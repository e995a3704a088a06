"""docs/rights.md says what the code does, and every route that demands no right says why."""

from pathlib import Path

import pytest
from fastapi import Depends, FastAPI

from deploy.rights import OPEN, PRESENT, applications, document
from shared.contracts.events import Role
from shared.security.rights import MEANINGS, RIGHTS, Right
from shared.web.access import Demand, access_of
from shared.web.authentication import require, signed_in

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "rights.md"


def test_the_document_is_the_code_s() -> None:
    assert DOCUMENT.read_text() == document(), "run `python -m deploy.rights > docs/rights.md`"
    table = document().partition("## Routes")[0]
    assert table.count(PRESENT) == sum(len(rights) for rights in RIGHTS.values())
    assert set(MEANINGS) == set(Right)
    for role in Role:
        assert role.replace("_", " ") in table


@pytest.mark.parametrize("service", OPEN)
def test_a_route_without_a_right_says_why(service: str) -> None:
    routes = access_of(applications()[service])
    unguarded = {f"{one.method} {one.path}" for one in routes if one.demand in (Demand.NOTHING, Demand.OPTIONAL)}
    assert unguarded == set(OPEN[service])


def test_what_a_route_demands_is_read_from_its_dependencies() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner = require(Right.VOLUNTEER_READ)

    def through(_: object = Depends(inner)) -> None: ...

    @app.get("/through")
    def deep(_: None = Depends(through), area: str = "") -> None: ...

    @app.get("/anybody")
    def anybody(_: object = Depends(signed_in)) -> None: ...

    @app.post("/nobody")
    def nobody() -> None: ...

    assert [(one.method, one.path, one.demand, one.area_in) for one in access_of(app)] == [
        ("GET", "/anybody", Demand.SIGNED_IN, frozenset()),
        ("POST", "/nobody", Demand.NOTHING, frozenset()),
        ("GET", "/through", Right.VOLUNTEER_READ, {"query"}),
    ]

    @app.get("/own")
    def own(_: object = Depends(require(Right.VOLUNTEER_READ, unless="the volunteer himself"))) -> None: ...

    [found] = [one for one in access_of(app) if one.path == "/own"]
    assert (found.demand, found.unless) == (Right.VOLUNTEER_READ, "the volunteer himself")

    @app.get("/two")
    def two(_: object = Depends(signed_in), __: object = Depends(inner)) -> None: ...

    with pytest.raises(ValueError, match="one thing"):
        access_of(app)
