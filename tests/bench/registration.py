"""What coordinators and organisations ask of registration when the whole country is registered: 1.05 million volunteers
of 60,000 organisations.

The rows are written past the service, or all of it is made through HTTP with `--through-http`, which takes ten minutes.
Then lists and searches are asked over HTTP, a roll of 100,000 is sent, 10,000 people are approved and followed to
reporting, and volunteers sign up, each sign-up with its text message.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import psutil

from services.registration.codes import new_group_code
from shared.areas.register import provinces
from shared.contracts.events import Role
from tests.bench import cpu, raw, stored
from tests.bench.country import SECONDS, VOLUNTEERS, Country
from tests.bench.enrolment import APPROVED_AT_ONCE, Enrolment, roll, until_counted
from tests.bench.load import Order, ordered
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting

PROCESSES = ("registration-http", "registration-relay", "reporting-projector")
ROLL = 100_000
APPROVED = 10_000
SIGN_UPS_A_SECOND = 200
CODES = 50
"""Group codes that are typed at the same time: sign-ups with one code wait for each other's commit, in which its count
changes."""
ECHO, COPY = "raw HTTP echo", "COPY of persons with all their indexes"
CONNECTIONS = 8
PART, MOST_PART = 0.5, 5.0
"""Of the seconds asked for, for each list; at most so many, since there are eighteen."""
ASKED_A_SECOND = 20
"""As when each of 8,500 coordinators looks at a list every seven minutes."""
MOST_A_SECOND = 2_000


async def run(seconds: float, show: Callable[[Figure], None], *, through_http: bool = False) -> None:
    """Fills the registers, then asks, sends, approves and signs up."""
    part = min(seconds * PART, MOST_PART)
    with setting(PROCESSES) as found:
        country = Country(found)
        began = time.perf_counter()
        counted: Counter[str] = Counter()
        if through_http:
            counted = await Enrolment(country, show).run()
        else:
            await country.fill()
        took, size = time.perf_counter() - began, await stored.megabytes(found, "registration")
        print(f"    filled in {took:.0f} s, {size:,} MB", flush=True)
        registers = Registers(country, counted)
        limits = await _limits(found, part)
        for case, paths, token in registers.questions():
            await _ask(found, case, paths, token, part, show)
        show(await registers.roll({COPY: limits[COPY]}))
        show(await registers.approvals())
        show(await registers.sign_ups(seconds, {ECHO: limits[ECHO]}))


async def _limits(found: Setting, seconds: float) -> dict[str, float]:
    order = Order(0, [], CONNECTIONS, 1, seconds, int(4 * MOST_A_SECOND * seconds), 0, reads=["/"])
    echo = await raw.http_echo(order)
    return {
        ECHO: echo.households / echo.seconds,
        COPY: await raw.postgres_copy(found, "registration", "person"),
    }


async def _ask(
    found: Setting,
    case: str,
    paths: Sequence[str],
    token: str,
    seconds: float,
    show: Callable[[Figure], None],
) -> None:
    port = found.port("registration-http")
    warm_up = Order(port, [token], 1, 1, seconds / 3, len(paths), 0, reads=list(paths))
    await ordered(warm_up)
    most = int(ASKED_A_SECOND * seconds)
    order = Order(port, [token], CONNECTIONS, 1, seconds + 5, most, 0, ASKED_A_SECOND, reads=list(paths))
    before = cpu.usage(found.stack)
    outcome = await ordered(order)
    after = cpu.usage(found.stack)
    answered = outcome.statuses.get("200", 0)
    show(
        Figure(
            "registration",
            case,
            answered / outcome.seconds,
            "requests/s, as asked",
            {},
            cpu.microseconds(before, after, answered),
            {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3, "longest": outcome.longest * 1e3},
            {"statuses": outcome.statuses},
        )
    )


class Registers:
    """What is asked of a country's registers, and what is put into them. counted: people by status that reporting knows
    before."""

    def __init__(self, country: Country, counted: Counter[str]) -> None:
        self._country = country
        self._counted = counted
        self._found = country.found
        self._random = country.random
        self._areas = country.areas

    def questions(self) -> Iterator[tuple[str, list[str], str]]:
        """What is asked: case, paths, token. Areas and names differ from one request to the next."""
        central = self._country.token(Role.CENTRAL_ADMINISTRATOR, "")
        country = [area.code for area in provinces()]
        some = self._random.sample(self._areas, 400)
        names = [self._country.name() for _ in range(400)]
        given = [name.split()[0] for name in names]

        def each(pattern: str, *columns: Sequence[str]) -> list[str]:
            return [pattern.format(*map(quote, values)) for values in zip(*columns, strict=False)]

        codes = [area.code for area in some]
        yield "volunteers of a subdistrict", each("/v1/volunteers?area={}", codes), central
        yield "suspended volunteers of a province", each("/v1/volunteers?area={}&status=suspended", country), central
        yield "suspended volunteers of the country", ["/v1/volunteers?status=suspended"], central
        for length in (2, 3, 6):
            beginnings = [word[:length] for word in given]
            yield f"name, {length} letters, country", each("/v1/volunteers?name={}", beginnings), central
            yield (
                f"name, {length} letters, province",
                each("/v1/volunteers?name={}&area={}", beginnings, country * 6),
                central,
            )
        yield "given name and surname, country", each("/v1/volunteers?name={}", names), central
        yield "name in a subdistrict", each("/v1/volunteers?name={}&area={}", given, codes), central
        phones = [f"08{self._random.randrange(VOLUNTEERS):08}" for _ in range(400)]
        yield "phone", each("/v1/volunteers?phone={}", phones), central
        yield "approval queue of a province", each("/v1/approvals?area={}", country), central
        yield "approval queue of the country", ["/v1/approvals"], central
        parts = [area.name_th for area in some]
        yield "organisations by part of the name, country", each("/v1/organisations?name={}", parts), central
        common = ["องค์การบริหาร", "โรงพยาบาล", "ตำบล", "ชุมชน", "บ้าน", "วั"]
        yield "organisations by frequent words, country", each("/v1/organisations?name={}", common), central
        yield (
            "organisations by frequent words, province",
            each("/v1/organisations?name={}&area={}", common * 10, country),
            central,
        )
        organisations = [str(identity) for identity in self._random.sample(self._country.organisations, 100)]
        yield "an organisation with its counts", each("/v1/organisations/{}", organisations), central

    async def roll(self, limits: dict[str, float]) -> Figure:
        """Sends a roll of 100,000 to an organisation of a province, and asks for health meanwhile."""
        province = self._areas[0].code[:2]
        inside = [area for area in self._areas if area.code.startswith(province)]
        organisation = await self._organisation(province)
        file = roll(
            (self._country.name(), f"06{number:08}", inside[number % len(inside)].code) for number in range(ROLL)
        )
        process = psutil.Process(self._found.stack.process("registration-http").pid)
        before = cpu.usage(self._found.stack)
        most = resting = process.memory_info().rss
        waits: list[float] = []
        async with httpx.AsyncClient(base_url=self._country.base, timeout=SECONDS) as client:
            began = time.perf_counter()
            sending = asyncio.create_task(
                client.post(
                    f"/v1/organisations/{organisation}/volunteer-imports?mode=apply",
                    content=file,
                    headers={"Authorization": f"Bearer {self._country.token(Role.PROVINCE_ADMINISTRATOR, province)}"},
                )
            )
            while not sending.done():
                asked = time.perf_counter()
                (await client.get("/healthz")).raise_for_status()
                waits.append(time.perf_counter() - asked)
                most = max(most, process.memory_info().rss)
                await asyncio.sleep(0.05)
            answer = await sending
            took = time.perf_counter() - began
        after = cpu.usage(self._found.stack)
        if answer.status_code != 201 or answer.json()["added"] != ROLL:
            raise RuntimeError(f"the roll was not taken: {answer.status_code} {answer.text[:500]}")
        waits.sort()
        return Figure(
            "registration",
            f"roll of {ROLL:,} volunteers, {len(file) / 2**20:.1f} MB of CSV",
            ROLL / took,
            "volunteers/s",
            limits,
            cpu.microseconds(before, after, ROLL),
            {"in all": took * 1e3, "others' wait p99": waits[int(len(waits) * 0.99)] * 1e3},
            {"memory of the process, MB, before and at most": [resting // 2**20, most // 2**20]},
        )

    async def approvals(self) -> Figure:
        """Approves 10,000 of the roll, 500 at a time, and waits until reporting has counted them, exactly."""
        province = self._areas[0].code[:2]
        async with self._found.database("registration") as pool:
            rows = await pool.fetch(
                "SELECT p.person_id FROM person AS p JOIN outbox AS o ON o.key = p.person_id::text "
                "WHERE p.status = 'pending' AND p.area LIKE $1 LIMIT $2",
                f"{province}%",
                APPROVED,
            )
        ids = [str(row[0]) for row in rows]
        async with self._found.database("reporting") as reporting:
            counted = self._counted + Counter(pending=ROLL)
            await until_counted(reporting, counted)
            began = time.perf_counter()
            headers = {"Authorization": f"Bearer {self._country.token(Role.PROVINCE_ADMINISTRATOR, province)}"}
            async with httpx.AsyncClient(base_url=self._country.base, timeout=SECONDS, headers=headers) as client:
                for start in range(0, len(ids), APPROVED_AT_ONCE):
                    body = {"volunteer_ids": ids[start : start + APPROVED_AT_ONCE], "decision": "approve"}
                    answer = await client.post("/v1/approvals", json=body)
                    answer.raise_for_status()
            answered = time.perf_counter() - began
            counted += Counter(approved=APPROVED)
            counted -= Counter(pending=APPROVED)
            await until_counted(reporting, counted)
            counted_after = time.perf_counter() - began
        return Figure(
            "registration",
            f"approvals of {APPROVED:,}, {APPROVED_AT_ONCE} at a time, to the figures of reporting",
            APPROVED / counted_after,
            "approvals/s",
            {},
            milliseconds={"all answered": answered * 1e3, "all counted": counted_after * 1e3},
            notes={"counted exactly": True},
        )

    async def sign_ups(self, seconds: float, limits: dict[str, float]) -> Figure:
        """Signs up 200 a second, from 64 addresses, each with its text message; then looks how many were stored."""
        organisation = await self._organisation(self._areas[0].code[:2])
        async with self._found.database("registration") as pool:
            codes = [new_group_code() for _ in range(CODES)]
            await pool.execute(
                "INSERT INTO group_code (code, organisation_id, expires_at, uses, uses_left, created_at, created_by) "
                "SELECT code, $1, now() + interval '1 day', 1000000, 1000000, now(), $1 "
                "FROM unnest($2::text[]) AS code",
                organisation,
                codes,
            )
            most = int(SIGN_UPS_A_SECOND * seconds)
            area = self._areas[0].code
            bodies = [
                json.dumps(
                    {
                        "group_code": codes[number % CODES],
                        "name": self._country.name(),
                        "phone": f"09{number:08}",
                        "area": area,
                    },
                    ensure_ascii=False,
                )
                for number in range(most)
            ]
            order = Order(
                self._found.port("registration-http"),
                [],
                64,
                1,
                seconds + 5,
                most,
                0,
                rate=SIGN_UPS_A_SECOND,
                path="/v1/volunteers",
                bodies=bodies,
                addresses=64,
            )
            before = cpu.usage(self._found.stack)
            outcome = await ordered(order)
            after = cpu.usage(self._found.stack)
            kept = int(await pool.fetchval("SELECT count(*) FROM person WHERE group_code = ANY ($1)", codes))
        messages = sum(
            b"confirmation_code" in line for line in self._found.stack.home.sms_sink.read_bytes().splitlines()
        )
        if kept != outcome.statuses.get("201", 0):
            raise RuntimeError(f"{outcome.statuses} were answered and {kept} stored")
        return Figure(
            "registration",
            f"sign-ups at {SIGN_UPS_A_SECOND}/s for {seconds:.0f} s",
            kept / outcome.seconds,
            "sign-ups/s",
            limits,
            cpu.microseconds(before, after, kept),
            {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3, "longest": outcome.longest * 1e3},
            {
                "statuses": outcome.statuses,
                "text messages": messages,
                "waited for a connection": outcome.waited_seconds,
            },
        )

    async def _organisation(self, area: str) -> UUID:
        async with self._found.database("registration") as pool:
            organisation: UUID = await pool.fetchval(
                "INSERT INTO organisation (organisation_id, name, kind, area, created_at, created_by) "
                "VALUES ($1, 'สำนักงานสาธารณสุขจังหวัด', 'agency', $2, now(), $1) RETURNING organisation_id",
                uuid4(),
                area,
            )
        return organisation
