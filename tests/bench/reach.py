"""The need-to-reach list with the country's persons in it: first pages of every level, by every order, quietly and
while intake and recorder run as fast as they can.

Rows of `reach` and `household` are made by the database itself; submissions, which pages open, are sealed one by one,
and only those of the first pages that are asked for.
"""

import asyncio
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import msgspec

from services.survey.intake import SEALED_FIELD
from services.survey.visits import claims, lists
from services.survey.visits.lists import FIRST, Ownership, Status
from shared.areas.register import children, provinces, subdistricts
from shared.contracts.events import Role
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner
from tests.bench import cpu, stored
from tests.bench.load import Order, ordered
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting

PROCESSES = ("registration-http", "survey-http", "survey-recorder", "survey-lister")
PERSONS, PERSONS_QUICKLY = 5_000_000, 500_000
"""To reach, one of each household; when all benchmarks are run, the fewer."""
QUICK_BELOW_SECONDS = 10.0
AREAS = 40
"""Of each level, by chance."""
ASKED_A_SECOND = 20
CONNECTIONS = 16
INTAKE_BATCH, INTAKE_CONNECTIONS, INTAKE_MOST = 50, 16, 250_000
BURSTS_A_SECOND = 550.0
"""Households, when the country is surveyed in a week."""
MOST_PART = 10.0
NOTHING = "/healthz"
CLAIMED_EACH = 40
"""One person in so many has an owner, one in twelve an appointment, one in ten another attempt due."""
FILL_SECONDS = 1_800.0
LOADED_LONGER_SECONDS = 3.0
"""Intake goes on until the last page is read."""
SUBMISSIONS = re.compile(r"^jitasa_intake_submissions_total(?:{.*})? (\S+)", re.MULTILINE)

FILL = """
INSERT INTO reach (household_id, person_id, area, village, submission_id, place, rank, wanting_since, dose,
                   surveyed_dose, at_risk, home_visit, reasons, status, due_at, followed_at, cell_row, cell_column,
                   tokens, owner, owner_due_at)
SELECT (area || substr(h, 7, 6) || '8' || substr(h, 14, 3) || 'a' || substr(h, 18, 15))::uuid, md5('p' || n)::uuid,
       area, area || lpad((n % 12)::text, 2, '0'), md5('s' || n)::uuid, 0, (n * 7919 % 7)::smallint,
       $2::timestamptz - (n * 104729 % 40000000) * interval '1 second', (n % 3)::smallint, (n % 3)::smallint,
       n % 4 = 0, n % 25 = 0, '{hard_to_reach}', CASE WHEN n % 12 = 0 THEN 'appointed' ELSE 'open' END,
       CASE WHEN n % 12 = 0 OR n % 10 = 3 THEN $2 + (n * 31 % 1200000 - 600000) * interval '1 second' END, NULL,
       (1000 + n * 17 % 900)::smallint, (9900 + n * 13 % 500)::smallint,
       ARRAY[hashtextextended('given' || n % 40000, 1), hashtextextended('family' || n % 400000, 1),
             hashtextextended('phone' || n, 1)],
       CASE WHEN n % $3 = 1 THEN md5('v' || n % 100000)::uuid END,
       CASE WHEN n % $3 = 1 THEN $2 + interval '3 days' END
FROM (SELECT n, md5('h' || n) AS h, ($4::text[])[1 + n * 6151 % cardinality($4::text[])] AS area
      FROM generate_series(1, $1::bigint) AS n) AS made
"""
HOUSEHOLDS = """
INSERT INTO household (household_id, area, village, revision, submission_id, captured_at, counts)
SELECT household_id, area, village, 1, submission_id, wanting_since, '{}' FROM reach
"""
CLAIMS = """
INSERT INTO claim (household_id, person_id, volunteer_id, claimed_at, due_at, expires_at)
SELECT household_id, person_id, owner, $1, owner_due_at, owner_due_at + $2 FROM reach WHERE owner IS NOT NULL
"""
SUBMISSION = [
    "submission_id",
    "household_id",
    "volunteer_id",
    "area",
    "captured_at",
    "received_at",
    "recorded_at",
    "kind",
    "outcome",
    "revision",
    "digest",
    "partition",
    "sequence",
    "key_id",
    "wrapped_key",
    "sealed",
]
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'reach' AND indexname <> 'reach_pkey'"


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Fills the tables, then asks: with nothing else to do, beside intake at the rate of the country's bursts, and
    beside intake at its fastest; always of the process that takes the surveys in, too."""
    persons = PERSONS if seconds >= QUICK_BELOW_SECONDS else PERSONS_QUICKLY
    part = min(seconds, MOST_PART)
    with setting(PROCESSES) as found:
        country = Country(found, persons)
        show(await country.fill())
        print(f"    {await stored.megabytes(found, 'survey'):,} MB", flush=True)
        cases = list(country.cases())
        for case, asked in cases:
            await country.seal_first_pages(asked)
            show(await country.ask(case, asked, part))
        for case, asked in cases:
            show(await country.ask_beside(case, asked, part, BURSTS_A_SECOND))
        for case, asked in cases:
            show(await country.ask_beside(case, asked, part, None))


Asked = Sequence[tuple[str, Role, str]]
"""Areas with the role that asks, and what is asked beside the area; none for an answer without content."""


class Country:
    """A made-up country's persons to reach, the same in every run."""

    def __init__(self, found: Setting, persons: int) -> None:
        self._found = found
        self._persons = persons
        self._random = random.Random(8)
        self._now = datetime.now(UTC)
        self._signer = TokenSigner.from_file(
            found.stack.secrets.signing_keys, issuer=found.stack.environment("registration-http")["JITASA_TOKEN_ISSUER"]
        )

    async def fill(self) -> Figure:
        """Makes all rows, and then the indexes, as a restore would."""
        began = time.perf_counter()
        codes = [area.code for area in subdistricts()]
        async with self._found.database("survey") as pool, acquire(pool) as connection:
            indexes = await connection.fetch(INDEXES)
            for index in indexes:
                await connection.execute(f"DROP INDEX {index['indexname']}")
            await connection.execute(FILL, self._persons, self._now, CLAIMED_EACH, codes, timeout=FILL_SECONDS)
            await connection.execute(HOUSEHOLDS, timeout=FILL_SECONDS)
            await connection.execute(CLAIMS, self._now, claims.GRACE, timeout=FILL_SECONDS)
            for index in indexes:
                await connection.execute(index["indexdef"], timeout=FILL_SECONDS)
        async with self._found.database("survey", "postgres") as pool, acquire(pool) as connection:
            for table in ("reach", "household", "claim"):
                await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=FILL_SECONDS)
            await connection.execute("CHECKPOINT", timeout=FILL_SECONDS)  # what was filled is no part of what is asked
        took = time.perf_counter() - began
        sizes = await self._sizes()
        return Figure(
            "reach",
            f"{self._persons:,} persons to reach, one of each household, with all indexes",
            self._persons / took,
            "persons/s",
            notes={"MB": sizes},
        )

    async def _sizes(self) -> dict[str, int]:
        async with self._found.database("survey") as pool:
            rows = await pool.fetch(
                "SELECT relname, pg_relation_size(oid) / 1000000 AS mb FROM pg_class WHERE relname LIKE 'reach%'"
            )
        return {row["relname"]: row["mb"] for row in rows}

    def cases(self) -> Iterator[tuple[str, Asked]]:
        """Who asks for what; first of all nobody for nothing, by which it is seen how long anybody waits."""
        yield "an answer without content", ()
        districts = [district.code for province in provinces() for district in children(province.code)]
        some = self._random.sample
        villages = some([area.code for area in subdistricts()], AREAS)
        all_provinces = [area.code for area in provinces()]
        yield "a volunteer's subdistrict", [(area, Role.VOLUNTEER, "") for area in villages]
        yield "a district", [(area, Role.DISTRICT_COORDINATOR, "") for area in some(districts, AREAS)]
        yield "a province", [(area, Role.PROVINCE_ADMINISTRATOR, "") for area in some(all_provinces, AREAS)]
        yield "the largest province", [("30", Role.PROVINCE_ADMINISTRATOR, "")]
        yield "the country", [("", Role.CENTRAL_ADMINISTRATOR, "")]
        yield (
            "a province, whom nobody has",
            [(area, Role.PROVINCE_ADMINISTRATOR, "&owner=none") for area in all_provinces],
        )
        yield "a province, late", [(area, Role.PROVINCE_ADMINISTRATOR, "&status=late") for area in all_provinces]
        yield "the country, whom nobody has", [("", Role.CENTRAL_ADMINISTRATOR, "&owner=none")]
        yield "the country, late", [("", Role.CENTRAL_ADMINISTRATOR, "&status=late")]

    async def ask(self, case: str, asked: Asked, seconds: float) -> Figure:
        """First pages of 50 persons, by HTTP, opened and noted."""
        paths = [f"/v1/need-to-reach?area={area}{more}" for area, _, more in asked] or [NOTHING]
        tokens = [self._token(role, area) for area, role, _ in asked] or [self._token(Role.CENTRAL_ADMINISTRATOR, "")]
        port = self._found.port("survey-http")
        most = int(ASKED_A_SECOND * seconds)
        before = cpu.usage(self._found.stack)
        outcome = await ordered(Order(port, tokens, CONNECTIONS, 1, seconds + 5, most, 0, ASKED_A_SECOND, reads=paths))
        after = cpu.usage(self._found.stack)
        answered = outcome.statuses.get("200", 0)
        if answered != outcome.households:
            raise RuntimeError(f"{case}: {outcome.statuses}")
        return Figure(
            "reach",
            case,
            answered / outcome.seconds,
            f"first pages/s, of {ASKED_A_SECOND} asked",
            cpu_microseconds=cpu.microseconds(before, after, answered),
            milliseconds={"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3, "longest": outcome.longest * 1e3},
        )

    async def ask_beside(self, case: str, asked: Asked, seconds: float, rate: float | None) -> Figure:
        """The same while phones send; rate: households a second, None for as fast as intake takes them."""
        port = self._found.port("survey-http")
        lasting = seconds + LOADED_LONGER_SECONDS
        most = INTAKE_MOST if rate is None else int(rate * lasting)
        before = await self._accepted(port)
        loading = asyncio.create_task(
            ordered(
                Order(port, self._found.tokens, INTAKE_CONNECTIONS, INTAKE_BATCH, lasting, most, time.time_ns(), rate)
            )
        )
        while await self._accepted(port) == before:
            await asyncio.sleep(0.1)
        figure = await self.ask(
            f"{case}, beside intake {'at its fastest' if rate is None else f'of {rate:.0f}/s'}", asked, seconds
        )
        figure.notes["intake went on until the end"] = not loading.done()
        loaded = await loading
        figure.notes["households/s accepted meanwhile"] = round(loaded.accepted / loaded.seconds)
        return figure

    async def _accepted(self, port: int) -> float:
        async with httpx.AsyncClient(trust_env=False) as client:
            told = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        return sum(float(number) for number in SUBMISSIONS.findall(told))

    async def seal_first_pages(self, asked: Asked) -> None:
        """Seals the submissions of all first pages that are asked for."""
        ring = KeyRing.from_file(self._found.stack.secrets.sealing_keys)
        async with self._found.database("survey") as pool, acquire(pool) as connection:
            for area, _, more in set(asked):
                page = await lists.page(
                    connection,
                    area,
                    status=Status.LATE if "late" in more else Status.OPEN,
                    owner=Ownership.NOBODY if "none" in more else Ownership.ANYBODY,
                    after=FIRST,
                    limit=50,
                    now=self._now,
                )
                await self._seal(connection, ring, {(one.household_id, one.submission_id): one for one in page.entries})

    async def _seal(self, connection: Connection, ring: KeyRing, entries: dict[tuple[UUID, UUID], lists.Entry]) -> None:
        rows = []
        known = {
            row[0]
            for row in await connection.fetch(
                "SELECT submission_id FROM submission WHERE submission_id = ANY ($1::uuid[])",
                [submission for _, submission in entries],
            )
        }
        for (household, submission), entry in entries.items():
            if submission in known:
                continue
            plain = {
                "submission_id": str(submission),
                "captured_at": entry.wanting_since,
                "address": {"area": entry.area, "village": entry.village, "house": "99/1"},
                "position": {"lat": 18.7883, "lon": 98.9853, "accuracy_m": 12},
                "contact": {"name": "สมหญิง ใจดี", "phone": "0812345678"},
                "persons": [{"name": "สมหญิง ใจดี", "age": 71, "sex": "f", "wants_vaccine": "yes"}] * 3,
            }
            sealed = ring.seal(msgspec.json.encode(plain), household=str(household), field=SEALED_FIELD)
            times = (entry.wanting_since,) * 3
            rows.append(
                (
                    submission,
                    household,
                    UUID(int=1),
                    entry.area,
                    *times,
                    "survey",
                    "recorded",
                    1,
                    b"",
                    -1,
                    self._random.getrandbits(62),
                    *sealed,
                )
            )
        await connection.copy_records_to_table(
            "submission",
            records=rows,
            columns=SUBMISSION,
        )

    def _token(self, role: Role, area: str) -> str:
        return self._signer.sign(
            subject=uuid4(),
            organisation=None,
            role=role,
            area=area,
            issued_at=self._now,
            expires_at=self._now + timedelta(hours=1),
        )
