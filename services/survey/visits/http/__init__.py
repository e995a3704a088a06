"""The routes about whom to reach, one module per kind of question."""

from typing import Final

from fastapi import APIRouter, Depends

from services.survey.visits.http import claims, households, lists, maps, points, routes, search
from shared.web.parameters import KnownParameters

router: Final = APIRouter(dependencies=[Depends(KnownParameters())])

for each in (lists, maps, routes, search, claims, households, points):
    router.include_router(each.router)
