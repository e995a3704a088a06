"""What every route of an application demands of its caller, read from the routes themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from shared.security.rights import Right
from shared.web.authentication import Required, optional_principal
from shared.web.citizens import proven_citizen
from shared.web.direct import DirectRoute
from shared.web.files import PageRoute


class Demand(StrEnum):
    """What is demanded where it is no right."""

    SIGNED_IN = "signed in, of any role"
    CITIZEN = "a citizen who proved a phone"
    OPTIONAL = "anybody; a token shows more"
    NOTHING = "anybody"


@dataclass(frozen=True, slots=True)
class Access:
    """One method of one path.

    area_in: where the caller names an area, `query`, `body`, both or neither; unless: who need not carry the right.
    """

    method: str
    path: str
    demand: Right | Demand
    area_in: frozenset[str]
    unless: str | None = None


def access_of(app: FastAPI) -> Sequence[Access]:
    """List every route of `app` by path and method, but for the files of pages, which are everybody's."""
    return sorted(_access(app), key=lambda one: (one.path, one.method))


def _access(app: FastAPI) -> Iterator[Access]:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, PageRoute):
            continue
        methods = (route.methods or set()) - {"HEAD"}  # of Starlette's own routes; it is GET without a body
        endpoint: Any = route.endpoint
        if isinstance(endpoint, DirectRoute):
            demand: Right | Demand = Demand.NOTHING if endpoint.right is None else endpoint.right
            unless, area_in = None, frozenset[str]()
        else:
            dependant = getattr(route, "dependant", None)
            (demand, unless), area_in = _demand(dependant), _area_in(dependant)
        for method in methods:
            yield Access(method, str(route.path_format or route.path), demand, area_in, unless)


def demand_of(dependant: Any) -> Right | Demand:
    """What a route with these dependencies demands."""
    return _demand(dependant)[0]


def _demand(dependant: Any) -> tuple[Right | Demand, str | None]:
    found: set[tuple[Right | Demand, str | None]] = set()
    for each in with_all_below(dependant):
        if isinstance(each.call, Required):
            found.add((Demand.SIGNED_IN if each.call.right is None else each.call.right, each.call.unless))
        elif each.call is proven_citizen:
            found.add((Demand.CITIZEN, None))
        elif each.call is optional_principal:
            found.add((Demand.OPTIONAL, None))
    if len(found) > 1:
        raise ValueError(f"a route demands {sorted(demand for demand, _ in found)}: it has to be one thing")
    return found.pop() if found else (Demand.NOTHING, None)


def _area_in(dependant: Any) -> frozenset[str]:
    found = set()
    for each in with_all_below(dependant):
        if any(field.alias == "area" for field in each.query_params):
            found.add("query")
        for field in each.body_params:
            body = field.field_info.annotation
            if isinstance(body, type) and issubclass(body, BaseModel) and "area" in body.model_fields:
                found.add("body")
    return frozenset(found)


def with_all_below(dependant: Any) -> Iterator[Any]:
    """A route's dependant, and all that it depends on."""
    if dependant is not None:
        yield dependant
        for each in dependant.dependencies:
            yield from with_all_below(each)
