"""The routes of the desk."""

from typing import Final

from services.survey.desk.http import coverage, flagged, houses, imports

ROUTERS: Final = (imports.router, houses.router, coverage.router, flagged.router)
"""Imports first: their paths begin as that of one house does."""
