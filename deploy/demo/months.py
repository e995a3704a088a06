"""Closes the month before the campaign's last day, as the centre does, and holds the months to the figures of coverage.

A figure by month counts what the visits of that month have changed, so that all months together are what stands now.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from deploy.demo.client import Client, Session
from deploy.demo.comparison import Difference, differing
from deploy.demo.figures import Picture, Stack
from deploy.demo.visits import BANGKOK
from deploy.local.addresses import Addresses
from deploy.trouble import Trouble

SAME: Final[Mapping[str, str]] = {
    "households_new": "households",
    "households_revisited": "revisits",
    "persons": "persons",
    "unvaccinated": "dose_0",
    "wanting": "wanting",
}
"""A month's figures, and what coverage calls the sum of all months."""
REASON: Final = "อีกรอบหนึ่งของการสาธิต / another run of the demonstration"
TRIES: Final = 60
TRY_SECONDS: Final = 0.5
"""A closing of the demonstration's size takes tenths of a second; half a minute is more than a busy machine needs."""
_UNCHANGED: Final = "nothing_differs"


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A month as it is frozen. revision: 1 as it was closed, more when it was corrected; households: surveyed in it."""

    month: str
    revision: int
    hash: str
    households: int


class Months:
    """The months of a running stack."""

    def __init__(self, client: Client, addresses: Addresses, administrator: Session) -> None:
        self._client = client
        self._months = f"{addresses.reporting}/v1/performance"
        self._administrator = administrator
        self._stack = Stack(client, addresses, administrator)

    async def close(self, now: datetime) -> ClosedMonth:
        """Close the month before the one of `now`; one that an earlier run has closed is corrected by what came since.
        Raises `Trouble`."""
        month = f"{now.astimezone(BANGKOK).replace(day=1) - timedelta(days=1):%Y-%m}"
        answer = await self._ask("POST", f"{self._months}/{month}/closing")
        if answer.get("code") == "already_closed":
            answer = await self._ask("POST", f"{self._months}/{month}/corrections", {"reason": REASON})
        if answer["status"] != 201 and answer.get("code") != _UNCHANGED:
            raise Trouble(
                f"The month {month} could not be closed: {answer.get('detail') or answer}",
                f"ปิดเดือน {month} ไม่ได้: {answer.get('detail') or answer}",
            )
        document = await self._stack.read(f"{self._months}/{month}", level="country")
        return ClosedMonth(month, document["revision"], document["hash"], document["total"]["households_new"])

    async def compare(self, reported: Picture) -> list[Difference]:
        """Where the sum of all months differs from what coverage shows, of the country and every province."""
        sums: Picture = {}
        for month in (await self._stack.read(self._months))["months"]:
            for level in ("country", "province"):
                # As they are counted now: a closed month stays what it was, and later visits may belong to it.
                url = f"{self._months}/{month['month']}"
                document = await self._stack.read(url, level=level, revision="0", limit="100")
                for row in document["rows"]:
                    found = sums.setdefault(row["key"], Counter())
                    found.update({same: row["figures"][name] for name, same in SAME.items()})
        shown = {
            code: Counter({name: figures[name] for name in SAME.values()})
            for code, figures in reported.items()
            if len(code) <= 2
        }
        return differing("months", shown, sums)

    async def _ask(self, method: str, url: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        """The answer with its status. The keeper may be closing the month at this moment: that is waited for."""
        for _ in range(TRIES):
            answer = await self._client.send(method, url, body=body, session=self._administrator)
            told = msgspec.json.decode(answer.content, type=dict[str, Any]) | {"status": answer.status_code}
            if told.get("code") != "being_closed":
                break
            await asyncio.sleep(TRY_SECONDS)
        return told
