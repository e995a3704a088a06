"""Reads the figures of a running stack: what the owning services count, and what reporting shows.

Both come out in one form: by area code of every level, figures by name. `reasons.X` are persons by reason, `flags.X`
submissions by quality flag, `people.X` people by status, `people.ROLE.X` the same by role, `places.KIND.X` places by
status.
"""

import asyncio
from collections import Counter
from typing import Any, Final

import msgspec

from deploy.demo.client import Client, Session
from deploy.demo.help import SHOWN
from deploy.demo.truth import LEVELS, SURVEY_FIGURES, Figures, rolled_up
from deploy.local.addresses import Addresses
from deploy.trouble import Trouble

Picture = dict[str, Figures]
"""Figures by area code; the country is "". What is missing is nought."""

_ALL_AREAS: Final = ""


class Stack:
    """A running stack, read with the rights of a central administrator."""

    def __init__(self, client: Client, addresses: Addresses, administrator: Session) -> None:
        self._client = client
        self._addresses = addresses
        self._administrator = administrator

    async def owned(self) -> Picture:
        """What the survey, registration and facilities services count in their own databases, at every level."""
        survey, requests, people, places = await asyncio.gather(
            self.read(f"{self._addresses.survey}/v1/counts"),
            self.read(f"{self._addresses.survey}/v1/help-requests/counts"),
            self.read(f"{self._addresses.registration}/v1/counts"),
            self.read(f"{self._addresses.facilities}/v1/counts"),
        )
        figures: Picture = {}
        for row in survey:
            figures.setdefault(row["area"], Counter()).update(survey_figures(row) + quality_figures(row))
        for row in requests:
            figures.setdefault(row["area"], Counter()).update(owned_help(row))
        for row in people:
            figures.setdefault(row["area"], Counter())[f"people.{row['status']}"] += row["volunteers"]
        for row in places:
            figures.setdefault(row["area"], Counter())[f"places.{row['kind']}.{row['status']}"] += row["places"]
        return rolled_up(figures)

    async def reported(self, *levels: str) -> Picture:
        """What reporting shows at these levels, all of them by default."""
        found: Picture = {}
        for level in levels or LEVELS:
            coverage, quality, people, places, requests = await asyncio.gather(
                *(self.rows(what, level) for what in ("coverage", "quality", "volunteers", "freshness", "help"))
            )
            for row in coverage:
                found.setdefault(row["area"], Counter()).update(survey_figures(row))
            for row in quality:
                found[row["area"]].update(quality_figures(row))
            for row in people:
                figures = found.setdefault(row["area"], Counter())
                for role, statuses in row["roles"].items():
                    for status, number in statuses.items():
                        figures[f"people.{role}.{status}"] += number
                        figures[f"people.{status}"] += number
            for row in requests:
                found.setdefault(row["area"], Counter()).update(
                    {f"help.{name}": row[name] for name in ("asked", *SHOWN)}
                )
            for row in places:
                figures = found.setdefault(row["area"], Counter())
                for kind, of_kind in row["kinds"].items():
                    for status, number in of_kind["statuses"].items():
                        figures[f"places.{kind}.{status}"] += number
        return found

    async def rows(self, what: str, level: str) -> list[dict[str, Any]]:
        """The rows of one of reporting's answers, for all areas of a level."""
        document = await self.read(f"{self._addresses.reporting}/v1/{what}", area=_ALL_AREAS, level=level)
        rows: list[dict[str, Any]] = document["rows"]
        return rows

    async def lag(self) -> int:
        """Events that are known to wait to be applied by reporting."""
        url = f"{self._addresses.reporting}/v1/coverage"
        streams = (await self.read(url, area=_ALL_AREAS, level="country"))["as_of"]
        return sum(stream["lag"] or 0 for stream in streams.values())

    async def outcome(self, submission_id: str) -> str:
        """What became of a submission, in the survey's words."""
        url = f"{self._addresses.survey}/v1/submissions/{submission_id}"
        return str((await self.read(url))["status"])

    async def read(self, url: str, **params: str) -> Any:
        """One document. Raises `Trouble` when the answer is another than 200."""
        answer = await self._client.send("GET", url, session=self._administrator, params=params)
        if answer.status_code != 200:
            raise Trouble(
                f"{url} was answered HTTP {answer.status_code}: {answer.text[:300]}",
                f"{url} ตอบ HTTP {answer.status_code}",
            )
        return msgspec.json.decode(answer.content)


def survey_figures(row: dict[str, Any]) -> Figures:
    """The survey's figures of one row of an answer."""
    figures: Figures = Counter({name: row.get(name) or 0 for name in SURVEY_FIGURES})
    figures.update({f"reasons.{reason}": persons for reason, persons in (row.get("reasons") or {}).items()})
    return figures


def owned_help(row: dict[str, Any]) -> Figures:
    """Requests for help of one row of the survey's counts; of those that ended otherwise only that they were asked."""
    figures: Figures = Counter({"help.asked": row["requests"]})
    if row["status"] in SHOWN:
        figures[f"help.{row['status']}"] = row["requests"]
    return figures


def quality_figures(row: dict[str, Any]) -> Figures:
    """Submissions by quality flag, of one row of an answer."""
    return Counter({f"flags.{flag}": number for flag, number in row["flags"].items()})


def only_reported(name: str) -> bool:
    """Whether only reporting has this figure: the owners do not count repeated visits, or people by role."""
    return name == "revisits" or (name.startswith("people.") and name.count(".") == 2)
