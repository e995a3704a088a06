"""What the owning services count in their own databases, over their HTTP interfaces."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from services.reporting.domain import PERSON_FIGURES
from services.reporting.trust.comparison import Cell, Cells
from shared.observability.clock import Clock

ANSWER_SECONDS: Final = 60.0
"""A province has 370,000 households on average, Bangkok 3 million, which are counted in seconds."""
RENEW_BEFORE_SECONDS: Final = 60.0

SURVEY_FIGURES: Final = ("submissions", "superseded", "households", *PERSON_FIGURES)
"""What the survey counts under the same names."""


class Absent(Exception):
    """A service did not answer, or not as it should; its name is the argument."""


class Owners(Protocol):
    """Who count for themselves. Each raises `Absent`."""

    async def survey(self, province: str) -> Cells:
        """The survey's figures of the subdistricts of a province."""

    async def people(self) -> Cells:
        """Registration's figures of all areas."""

    async def places(self) -> Cells:
        """The figures of the register of places."""

    async def help(self) -> Cells:
        """The survey's counts of requests for help."""

    async def days(self, subdistrict: str) -> list[tuple[date, str, int]]:
        """The survey's figures of a subdistrict by day of capture."""


class HttpOwners:
    """The services at work, asked with a program's account that may read counts."""

    def __init__(
        self, client: httpx.AsyncClient, clock: Clock, *, registration: str, survey: str, facilities: str, account: Path
    ) -> None:
        """registration, survey, facilities: base addresses; account: a file with client_id and client_secret."""
        self._client = client
        self._clock = clock
        self._registration = registration
        self._survey = survey
        self._facilities = facilities
        self._account = account
        self._token = ""
        self._ends_at = 0.0

    async def survey(self, province: str) -> Cells:
        """See `Owners`."""
        rows = await self._rows("survey", f"{self._survey}/v1/counts", area=province)
        return {cell: count for row in rows for cell, count in survey_cells(row)}

    async def people(self) -> Cells:
        """See `Owners`."""
        rows = await self._rows("registration", f"{self._registration}/v1/counts")
        return {
            Cell(row["area"], f"people.{row['organisation_kind']}.{row['status']}"): row["volunteers"] for row in rows
        }

    async def places(self) -> Cells:
        """See `Owners`."""
        rows = await self._rows("facilities", f"{self._facilities}/v1/counts")
        return {Cell(row["area"], f"places.{row['kind']}.{row['status']}"): row["places"] for row in rows}

    async def help(self) -> Cells:
        """See `Owners`."""
        rows = await self._rows("survey", f"{self._survey}/v1/help-requests/counts")
        return {Cell(row["area"], f"help.{row['kind']}.{row['status']}"): row["requests"] for row in rows}

    async def days(self, subdistrict: str) -> list[tuple[date, str, int]]:
        """See `Owners`."""
        rows = await self._rows("survey", f"{self._survey}/v1/counts/days", area=subdistrict)
        return [(date.fromisoformat(row["day"]), figure, row[figure]) for row in rows for figure in SURVEY_FIGURES]

    async def _rows(self, service: str, url: str, **params: str) -> Sequence[Mapping[str, Any]]:
        token = await self._access()
        try:
            answer = await self._client.get(
                url, params=params, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_SECONDS
            )
            rows: Sequence[Mapping[str, Any]] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Absent(service) from error
        return rows

    async def _access(self) -> str:
        now = self._clock.now().timestamp()
        if now > self._ends_at - RENEW_BEFORE_SECONDS:
            try:
                account = json.loads(self._account.read_bytes())
                grant = {"grant_type": "client_credentials"} | {
                    name: account[name] for name in ("client_id", "client_secret")
                }
                answer = await self._client.post(f"{self._registration}/v1/tokens", json=grant, timeout=ANSWER_SECONDS)
                given = answer.raise_for_status().json()
                self._token, self._ends_at = given["access_token"], now + given["expires_in"]
            except (OSError, httpx.HTTPError, ValueError, KeyError) as error:
                raise Absent("registration") from error
        return self._token


def survey_cells(row: Mapping[str, Any]) -> Iterator[tuple[Cell, int]]:
    """A row of the survey's counts, figure by figure."""
    area = row["area"]
    for name in SURVEY_FIGURES:
        yield Cell(area, name), row[name]
    for kind in ("reasons", "flags"):
        for name, count in row[kind].items():
            yield Cell(area, f"{kind}.{name}"), count
