"""The routes of the desk."""

from typing import Final

from fastapi import APIRouter, Depends

from services.survey.desk.http import coverage, flagged, houses, imports
from shared.web.parameters import KnownParameters

router: Final = APIRouter(dependencies=[Depends(KnownParameters())])
"""Imports first: their paths begin as that of one house does."""

for each in (imports, houses, coverage, flagged):
    router.include_router(each.router)
