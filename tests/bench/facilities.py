"""What is asked of the register when the whole country's places are in it: 100,000, found near, by name and on maps,
and a Monday's confirmations."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx

from services.facilities.domain.places import Content, Hours, Position, created
from services.facilities.store import places
from services.facilities.store.places import MOST_AT_ONCE, Actor
from shared.areas.districts import read_rings
from shared.areas.register import provinces, subdistricts
from shared.contracts.events import Day, FacilityKind, Role
from shared.postgres.pool import acquire
from shared.security.tokens import TokenSigner
from tests.bench import cpu, raw, stored
from tests.bench.load import Order, ordered
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting

PROCESSES = ("registration-http", "facilities-http", "facilities-relay")
PLACES = 100_000
CONFIRMED, CONFIRMED_AT_ONCE = 20_000, 500
ASKED_A_SECOND = 20
CONNECTIONS, ADDRESSES = 64, 64
"""A crowd's addresses: one may ask fifty times a second."""
READS_A_SECOND = 1_000
MOST_A_SECOND = 3_000
WARM_UP = 60
"""Requests before those that are timed, and others than these; but what is read again and again is all among them."""
PART, MOST_PART = 0.5, 5.0
SECONDS = 600.0
WEEK = (Hours(tuple(Day)[:5], "08:30", "16:30"),)
ECHO, COPY = "raw HTTP echo", "COPY of places with all their indexes"


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Fills the register, then asks, and confirms."""
    part = min(seconds * PART, MOST_PART)
    with setting(PROCESSES) as found:
        country = Country(found)
        show(await country.fill())
        print(f"    {await stored.megabytes(found, 'facilities'):,} MB", flush=True)
        echo = await raw.http_echo(Order(0, [], CONNECTIONS, 1, part, int(4 * MOST_A_SECOND * part), 0, reads=["/"]))
        for case, paths in country.questions():
            show(await _ask(found, case, paths, part, ASKED_A_SECOND, {}))
        limit = {ECHO: echo.households / echo.seconds}
        some = [path for _, paths in country.questions() for path in paths[:5]]
        show(await _ask(found, "public reads that others asked just now", some, part, READS_A_SECOND, limit))
        show(await _ask(found, "the same, as fast as answers come", some, part, None, limit))
        show(await country.monday())


async def _ask(
    found: Setting, case: str, paths: Sequence[str], seconds: float, rate: float | None, limits: dict[str, float]
) -> Figure:
    port = found.port("facilities-http")
    most = int((rate or MOST_A_SECOND) * seconds)
    await ordered(Order(port, [], 1, 1, seconds, min(len(paths), WARM_UP), 0, reads=list(paths[-WARM_UP:])))
    order = Order(port, [], CONNECTIONS, 1, seconds + 5, most, 0, rate, reads=list(paths), addresses=ADDRESSES)
    before = cpu.usage(found.stack)
    outcome = await ordered(order)
    after = cpu.usage(found.stack)
    answered = outcome.statuses.get("200", 0)
    if answered != outcome.households:
        raise RuntimeError(f"{case}: {outcome.statuses}")
    return Figure(
        "facilities",
        case,
        answered / outcome.seconds,
        "requests/s" if rate is None else f"requests/s, of {rate} asked",
        limits,
        cpu.microseconds(before, after, answered),
        {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3, "longest": outcome.longest * 1e3},
        {"statuses": outcome.statuses, "the generator's processor time, s": round(outcome.cpu_seconds, 2)},
    )


class Country:
    """A made-up country's places, the same in every run."""

    def __init__(self, found: Setting) -> None:
        self._found = found
        self._random = random.Random(833)
        self._areas = subdistricts()
        self._middles = {
            code: (sum(lat for _, lat in rings[0]) / len(rings[0]), sum(lon for lon, _ in rings[0]) / len(rings[0]))
            for code, rings in read_rings().items()
        }

    async def fill(self) -> Figure:
        """Enters all places through the register's own statements, with their revisions and events."""
        actor = Actor(UUID(int=1), None, Role.CENTRAL_ADMINISTRATOR, "")
        began = time.perf_counter()
        async with self._found.database("facilities") as pool, acquire(pool) as connection:
            contents = [self._content(number) for number in range(PLACES)]
            now = datetime.now(UTC) - timedelta(days=6)
            for start in range(0, PLACES, MOST_AT_ONCE):
                some = [created(uuid4(), content, now) for content in contents[start : start + MOST_AT_ONCE]]
                async with connection.transaction():
                    await places.insert(connection, some, actor)
            took = time.perf_counter() - began
        async with self._found.database("facilities", "postgres") as pool, acquire(pool) as connection:
            await connection.execute("VACUUM (ANALYZE) facility", timeout=SECONDS)
        limit = await raw.postgres_copy(self._found, "facilities", "facility")
        return Figure(
            "facilities",
            f"{PLACES:,} places, with revision and event",
            PLACES / took,
            "places/s",
            {COPY: limit},
            milliseconds={"in all": took * 1e3},
        )

    def _content(self, number: int) -> Content:
        area = self._areas[number % len(self._areas)]
        kind = tuple(FacilityKind)[number % len(FacilityKind)]
        return Content(
            kind,
            f"{('จุดตรวจ', 'จุดฉีดวัคซีน', 'โรงพยาบาล', 'โรงพยาบาลสนาม', 'ศูนย์พักคอย')[number % 5]}{area.name_th} {number}",
            area.code,
            position=self._near(area.code[:4]),
            capacity=50,
            free=number % 50 if number % 5 >= 2 else None,
            hours=WEEK if number % 3 else (),
            services=("atk",) if number % 4 == 0 else (),
        )

    def _near(self, district: str) -> Position:
        lat, lon = self._middles.get(district, (13.75, 100.5))
        return Position(lat + self._random.gauss(0, 0.05), lon + self._random.gauss(0, 0.05))

    def questions(self) -> Iterator[tuple[str, list[str]]]:
        """What anybody asks: case and paths, all different."""
        at = [self._near(code) for code in self._random.sample(sorted(self._middles), 400)]
        spots = [f"near={one.lat:.5f},{one.lon:.5f}" for one in at]
        public = "/v1/public/places"
        yield "nearest 20", [f"{public}?{spot}" for spot in spots]
        yield "nearest 20 of a kind", [f"{public}?{spot}&kind=vaccination_point" for spot in spots]
        yield "nearest 20 that are open now", [f"{public}?{spot}&open_now=true" for spot in spots]
        names = [area.name_th for area in self._random.sample(self._areas, 400)]
        yield "name anywhere in the country", [f"{public}?q={quote(name)}" for name in names]
        yield "frequent word near", [f"{public}?q={quote('ศูนย์พักคอย')}&{spot}" for spot in spots]
        boxes = [f"{one.lon - 0.3:.3f},{one.lat - 0.3:.3f},{one.lon + 0.3:.3f},{one.lat + 0.3:.3f}" for one in at]
        yield "map of a district", [f"{public}.geojson?bbox={box}" for box in boxes]
        codes = [area.code for area in provinces()]
        yield "map of a province", [f"{public}.geojson?area={code}" for code in codes]
        yield "map of the country", [f"{public}.geojson?kind={kind}" for kind in FacilityKind]

    async def monday(self) -> Figure:
        """Confirms 20,000 places, 500 at a time, and counts their events."""
        signer = TokenSigner.from_file(
            self._found.stack.secrets.signing_keys,
            issuer=self._found.stack.environment("registration-http")["JITASA_TOKEN_ISSUER"],
        )
        now = datetime.now(UTC)
        token = signer.sign(
            subject=uuid4(),
            organisation=None,
            role=Role.CENTRAL_ADMINISTRATOR,
            area="",
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
        async with self._found.database("facilities") as pool:
            ids = [str(row[0]) for row in await pool.fetch("SELECT facility_id FROM facility LIMIT $1", CONFIRMED)]
            told = int(await pool.fetchval("SELECT count(*) FROM outbox"))
            base = f"http://127.0.0.1:{self._found.port('facilities-http')}"
            before, began = cpu.usage(self._found.stack), time.perf_counter()
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=base, timeout=SECONDS, headers=headers) as client:
                for start in range(0, CONFIRMED, CONFIRMED_AT_ONCE):
                    body = {"facility_ids": ids[start : start + CONFIRMED_AT_ONCE]}
                    (await client.post("/v1/confirmations", json=body)).raise_for_status()
            took, after = time.perf_counter() - began, cpu.usage(self._found.stack)
            more = int(await pool.fetchval("SELECT count(*) FROM outbox")) - told
            async with asyncio.timeout(SECONDS):
                while await pool.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"):
                    await asyncio.sleep(0.1)
        if more != CONFIRMED:
            raise RuntimeError(f"{CONFIRMED} places were confirmed, and {more} events told")
        return Figure(
            "facilities",
            f"{CONFIRMED:,} confirmations, {CONFIRMED_AT_ONCE} at a time",
            CONFIRMED / took,
            "confirmations/s",
            {},
            cpu.microseconds(before, after, CONFIRMED),
            {"in all": took * 1e3, "until the last event was published": (time.perf_counter() - began) * 1e3},
        )
