"""The made-up country, made as a real one would be: organisations and appointments one by one, volunteers by rolls, and
approvals by lists, all through HTTP, and followed to reporting."""

import asyncio
import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import asyncpg
import httpx

from shared.areas.register import Area, area, provinces
from shared.contracts.events import Role
from shared.postgres.pool import acquire
from tests.bench import cpu
from tests.bench.country import KINDS_OF_ORGANISATION, SECONDS, VOLUNTEERS, Country, kind_of_organisation
from tests.bench.load import Order, ordered
from tests.bench.report import Figure

CONNECTIONS = 8
APPROVED_AT_ONCE = 500
APPROVED_OF_TWENTY = 18
"""So many of twenty volunteers are approved, the others still wait."""
SUSPENDED = 2_000
ROLL_COLUMNS = ("ชื่อ-สกุล", "เบอร์โทร", "รหัสตำบล")


def roll(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """The file of a roll: name, phone and subdistrict of each volunteer."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(ROLL_COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


class Enrolment:
    """Registers a country with an empty registration service."""

    def __init__(self, country: Country, show: Callable[[Figure], None]) -> None:
        self._country = country
        self._show = show
        self._central = country.token(Role.CENTRAL_ADMINISTRATOR, "")
        self._districts = [area(code) for code in sorted({each.code[:4] for each in country.areas})]
        self._offices: dict[str, str] = {}
        """The health office of each province and district, by its area."""

    async def run(self) -> Counter[str]:
        """Makes everything; gives how many people reporting counts by status."""
        await self._organisations()
        appointed = await self._appointments()
        await self._rolls()
        approved = await self._approvals()
        await self._suspensions(approved[:SUSPENDED])
        people = Counter(
            approved=appointed + len(approved) - SUSPENDED, pending=VOLUNTEERS - len(approved), suspended=SUSPENDED
        )
        async with self._country.found.database("reporting") as reporting:
            began = time.perf_counter()
            await until_counted(reporting, people)
            print(f"    reporting has counted everybody {time.perf_counter() - began:.1f} s later", flush=True)
        async with self._country.found.database("registration", "postgres") as pool, acquire(pool) as connection:
            await connection.execute("VACUUM (ANALYZE)", timeout=SECONDS)
        return people

    async def _organisations(self) -> None:
        country = self._country
        bodies = [
            {"name": f"{words}{place.name_th}", "kind": kind_of_organisation(kind), "area": place.code}
            for place in country.areas
            for kind, words in enumerate(KINDS_OF_ORGANISATION)
        ]
        await self._posted("organisations", "/v1/organisations", bodies)
        async with self._client(self._central) as client:
            for place in [*provinces(), *self._districts]:
                office = {"name": f"สำนักงานสาธารณสุข{place.name_th}", "kind": "agency", "area": place.code}
                answer = await client.post("/v1/organisations", json=office)
                answer.raise_for_status()
                self._offices[place.code] = answer.json()["organisation_id"]
        async with country.found.database("registration") as pool:
            rows = await pool.fetch("SELECT organisation_id FROM organisation")
        country.organisations = [row[0] for row in rows]

    async def _appointments(self) -> int:
        """A coordinator in each subdistrict and district, an administrator in each province; gives how many."""
        held = [(Role.PROVINCE_ADMINISTRATOR, place) for place in provinces()]
        held += [(Role.DISTRICT_COORDINATOR, place) for place in self._districts]
        held += [(Role.SUBDISTRICT_COORDINATOR, place) for place in self._country.areas]
        bodies = [
            {
                "name": self._country.name(),
                "phone": f"09{number:08}",
                "role": role,
                "area": place.code,
                "organisation_id": self._offices[place.code[:4]],
            }
            for number, (role, place) in enumerate(held, 90_000_000)
        ]
        await self._posted("appointments", "/v1/appointments", bodies)
        return len(bodies)

    async def _posted(self, case: str, path: str, bodies: Sequence[dict[str, str]]) -> None:
        """Posts each body once, as fast as the answers come."""
        found = self._country.found
        order = Order(
            found.port("registration-http"),
            [self._central],
            CONNECTIONS,
            1,
            SECONDS,
            len(bodies),
            0,
            path=path,
            bodies=[json.dumps(body, ensure_ascii=False) for body in bodies],
        )
        before = cpu.usage(found.stack)
        outcome = await ordered(order)
        after = cpu.usage(found.stack)
        if outcome.statuses != {"201": len(bodies)}:
            raise RuntimeError(f"{len(bodies)} {case} were sent, and answered {outcome.statuses}")
        self._show(
            Figure(
                "registration",
                f"{case}, {len(bodies):,} one by one",
                len(bodies) / outcome.seconds,
                f"{case}/s",
                {},
                cpu.microseconds(before, after, len(bodies)),
                {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3},
            )
        )

    async def _rolls(self) -> None:
        """A roll from each district's office."""
        country, sent = self._country, 0
        inside: dict[str, list[Area]] = {}
        for place in country.areas:
            inside.setdefault(place.code[:4], []).append(place)
        before, began = cpu.usage(country.found.stack), time.perf_counter()
        for number, (district, areas) in enumerate(inside.items(), 1):
            until = VOLUNTEERS * number // len(inside)
            file = roll(
                (country.name(), f"08{phone:08}", areas[phone % len(areas)].code) for phone in range(sent, until)
            )
            path = f"/v1/organisations/{self._offices[district]}/volunteer-imports"
            async with self._client(country.token(Role.PROVINCE_ADMINISTRATOR, district[:2])) as client:
                answer = await client.post(path, params={"mode": "apply"}, content=file)
            if answer.status_code != 201 or answer.json()["added"] != until - sent:
                raise RuntimeError(f"the roll of {district} was not taken: {answer.status_code} {answer.text[:500]}")
            sent = until
        took, after = time.perf_counter() - began, cpu.usage(country.found.stack)
        self._show(
            Figure(
                "registration",
                f"{sent:,} volunteers by {len(inside)} rolls",
                sent / took,
                "volunteers/s",
                {},
                cpu.microseconds(before, after, sent),
                {"in all": took * 1e3},
            )
        )

    async def _approvals(self) -> list[str]:
        """Approves eighteen of twenty volunteers; gives their ids, in a made-up order."""
        country = self._country
        async with country.found.database("registration") as pool:
            rows = await pool.fetch(
                "SELECT person_id FROM person WHERE status = 'pending' ORDER BY area, person_id", timeout=SECONDS
            )
        ids = [str(row[0]) for number, row in enumerate(rows) if number % 20 < APPROVED_OF_TWENTY]
        began = time.perf_counter()
        async with self._client(self._central) as client:
            for start in range(0, len(ids), APPROVED_AT_ONCE):
                body = {"volunteer_ids": ids[start : start + APPROVED_AT_ONCE], "decision": "approve"}
                (await client.post("/v1/approvals", json=body)).raise_for_status()
        took = time.perf_counter() - began
        self._show(
            Figure(
                "registration",
                f"{len(ids):,} approvals, {APPROVED_AT_ONCE} at a time",
                len(ids) / took,
                "approvals/s",
                milliseconds={"in all": took * 1e3},
            )
        )
        country.random.shuffle(ids)
        return ids

    async def _suspensions(self, ids: Sequence[str]) -> None:
        """Suspends volunteers one by one, some at a time."""

        async def suspended(some: Sequence[str]) -> None:
            async with self._client(self._central) as client:
                for identity in some:
                    answer = await client.post(f"/v1/volunteers/{identity}/suspension", json={"reason": "ตรวจสอบ"})
                    answer.raise_for_status()

        await asyncio.gather(*(suspended(ids[first::CONNECTIONS]) for first in range(CONNECTIONS)))

    def _client(self, token: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._country.base, timeout=SECONDS, headers={"Authorization": f"Bearer {token}"}
        )


async def until_counted(reporting: "asyncpg.Pool[asyncpg.Record]", wanted: Mapping[str, int]) -> None:
    """Waits until reporting counts exactly so many people by status."""
    async with asyncio.timeout(SECONDS):
        while True:
            rows = await reporting.fetch("SELECT status, sum(people)::bigint AS n FROM volunteer_count GROUP BY status")
            if {row["status"]: row["n"] for row in rows if row["n"]} == dict(wanted):
                return
            await asyncio.sleep(0.05)
