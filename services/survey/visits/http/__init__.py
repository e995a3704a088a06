"""The routes about whom to reach, one module per kind of question."""

from services.survey.visits.http import claims, households, lists, maps, points, routes, search

ROUTERS = (lists.router, maps.router, routes.router, search.router, claims.router, households.router, points.router)
