"""Which pages of other origins may ask this service: a list of exact origins, never with credentials; GET alone, but
for a service on which pages of another work.

A coordinator's desk is a page of the registration service that asks the facilities and reporting services with the
bearer token of its reader. The token is what opens a route, not where the page comes from; the list keeps every other
page out of what the browser would show it.
"""

import re
from collections.abc import Sequence
from typing import Final, Self

from fastapi import FastAPI
from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.middleware.cors import CORSMiddleware

PREFLIGHT_SECONDS: Final = 600
"""For so long a browser asks again without asking whether it may."""

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


class PageSettings(BaseSettings):
    """JITASA_PAGE_ORIGINS: the origins, separated by spaces, as `https://registration.example`; by default none."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    page_origins: str = ""

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins one by one."""
        return tuple(self.page_origins.split())

    @model_validator(mode="after")
    def _exact(self) -> Self:
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"JITASA_PAGE_ORIGINS: {origin} is not an origin (scheme://host[:port], nothing else)")
        return self


READ: Final = ("GET",)
WRITE: Final = ("GET", "POST", "PUT", "DELETE")


def add_page_origins(app: FastAPI, methods: Sequence[str] = READ) -> None:
    """Let the pages of the configured origins ask `app` by these methods; without any, nothing is added."""
    origins = PageSettings().origins
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=methods,
            # Prefer: a document that takes long is made aside (services/reporting/http/documents.py).
            allow_headers=["Authorization", "Prefer", *([] if methods == READ else ["Content-Type", "If-Match"])],
            allow_credentials=False,
            max_age=PREFLIGHT_SECONDS,
        )
