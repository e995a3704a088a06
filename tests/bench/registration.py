"""What coordinators and organisations ask of registration when the whole country is registered: 1.05 million volunteers
of 60,000 organisations.

The rows are written past the service, with real seals, blind indexes and tokens, and names that share beginnings as
Thai names do; indexes are built at the end. Then lists and searches are asked over HTTP, a roll of 100,000 is sent,
10,000 of it are approved and followed to reporting, and volunteers sign up, each sign-up with its text message.
"""

import asyncio
import csv
import io
import json
import random
import time
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import httpx
import psutil

from services.registration.codes import new_group_code
from services.registration.name_index import tokens_of_name
from shared.areas.register import Area, provinces, subdistricts
from shared.contracts.events import Role
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner
from tests.bench import cpu, raw, stored
from tests.bench.load import Order, ordered
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting

VOLUNTEERS = 1_050_000
KINDS_OF_ORGANISATION = (
    "องค์การบริหารส่วนตำบล",
    "โรงพยาบาลส่งเสริมสุขภาพตำบล",
    "ชมรม อสม. ตำบล",
    "โรงเรียนบ้าน",
    "วัด",
    "กลุ่มแม่บ้านตำบล",
    "มูลนิธิกู้ภัย",
    "วิสาหกิจชุมชน",
)
"""One of each in every subdistrict: 59,448 organisations."""
PROCESSES = ("registration-http", "registration-relay", "reporting-projector")
CHUNK = 20_000
ROLL = 100_000
APPROVED = 10_000
APPROVED_AT_ONCE = 500
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
SECONDS = 600.0
"""For one statement about all rows, on a machine that may be busy."""

# Syllables of given names, the most frequent first: a twelfth of all names begin with the first of them.
_SPELLED = (
    "สม สุ วิ ประ ศรี พร บุญ ชัย ณัฐ ธน อร จันทร์ วร นิ กิต รัตน์ พิ มา อนุ ทอง กร ปิย ชน ภา ดวง สิ เพ็ญ ไพ อำ ลัด "
    "ชาย หญิง พงษ์ ศักดิ์ วัฒน์ เดช ดา ณี ยา ลี นันท์ ฤทธิ์ สิทธิ์ มล ใจ แก้ว คำ แสง ดี งาม สุข เจริญ มั่น คง ทรัพย์ ไทย วงศ์"
)
SYLLABLES = _SPELLED.split()
STATUSES = ("approved",) * 17 + ("pending",) * 2 + ("suspended",)


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Fills the registers, then asks, sends, approves and signs up."""
    part = min(seconds * PART, MOST_PART)
    with setting(PROCESSES) as found:
        country = Country(found)
        began = time.perf_counter()
        await country.fill()
        took, size = time.perf_counter() - began, await stored.megabytes(found, "registration")
        print(f"    filled in {took:.0f} s, {size:,} MB", flush=True)
        limits = await _limits(found, part)
        for case, paths, token in country.questions():
            await _ask(found, case, paths, token, part, show)
        show(await country.roll({COPY: limits[COPY]}))
        show(await country.approvals())
        show(await country.sign_ups(seconds, {ECHO: limits[ECHO]}))


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


class Country:
    """A country's volunteers and organisations in the registration database of a stack."""

    def __init__(self, found: Setting) -> None:
        self._found = found
        secrets = found.stack.secrets
        environment = found.stack.environment("registration-http")
        self._ring = KeyRing.from_file(secrets.sealing_keys)
        self._index = BlindIndex.from_file(secrets.blind_index_key)
        self._signer = TokenSigner.from_file(secrets.signing_keys, issuer=environment["JITASA_TOKEN_ISSUER"])
        self._random = random.Random(833)  # a made-up country, the same in every run
        self._weights = list(accumulate(1 / (12 + number) for number in range(len(SYLLABLES))))
        self._areas = subdistricts()
        self._now = datetime.now(UTC)
        self._base = f"http://127.0.0.1:{found.port('registration-http')}"

    def token(self, role: Role, area: str) -> str:
        """A token that outlives the benchmark."""
        now = datetime.now(UTC)
        return self._signer.sign(
            subject=uuid4(),
            organisation=None,
            role=role,
            area=area,
            issued_at=now,
            expires_at=now + timedelta(hours=2),
        )

    def name(self) -> str:
        """A given name and a surname."""
        return f"{self._word(2, 3)} {self._word(3, 4)}"

    def _word(self, least: int, most: int) -> str:
        picks = (self._random.random() * self._weights[-1] for _ in range(self._random.randint(least, most)))
        return "".join(SYLLABLES[bisect(self._weights, pick)] for pick in picks)

    async def fill(self) -> None:
        """Writes all rows, as the database's administrator: without triggers and foreign keys, indexes at the end."""
        async with self._found.database("registration", "postgres") as pool, acquire(pool) as connection:
            await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
            await connection.execute("SET maintenance_work_mem = '512MB'")
            await connection.copy_records_to_table(
                "organisation",
                records=self._organisations(),
                columns=["organisation_id", "name", "kind", "area", "created_at", "created_by"],
                timeout=SECONDS,
            )
            indexes = await connection.fetch(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'person' AND indexname NOT IN "
                "(SELECT conname FROM pg_constraint)"
            )
            for index in indexes:
                await connection.execute(f"DROP INDEX {index['indexname']}")
            people = self._people()
            while rows := await asyncio.to_thread(lambda: list(islice(people, CHUNK))):
                await self._write(connection, rows)
            for index in indexes:
                await connection.execute(index["indexdef"], timeout=SECONDS)
            for table in ("person", "sealed_field", "organisation"):
                await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=SECONDS)
            await connection.execute("CHECKPOINT", timeout=SECONDS)

    def _organisations(self) -> Iterator[tuple[Any, ...]]:
        for number, area in enumerate(self._areas):
            for kind, words in enumerate(KINDS_OF_ORGANISATION):
                of = "agency" if kind < 2 else "network_partner"
                identity = _organisation_id(number, kind)
                yield identity, f"{words}{area.name_th}", of, area.code, self._now, UUID(int=1)

    def _people(self) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
        for number in range(VOLUNTEERS):
            place = number % len(self._areas)
            person = UUID(int=self._random.getrandbits(128), version=4)
            name, phone = self.name(), f"08{number:08}"
            tokens = tokens_of_name(self._index, name)
            at = self._now - timedelta(seconds=VOLUNTEERS - number)
            status = STATUSES[number // len(self._areas) % len(STATUSES)]
            row = (
                person,
                _organisation_id(place, number % len(KINDS_OF_ORGANISATION)),
                self._areas[place].code,
                "volunteer",
                status,
                self._index.of_phone(phone),
                at,
                1,
                tokens,
                at,
            )
            yield (
                row,
                [
                    (person, field, *self._ring.seal(text.encode(), household=str(person), field=field))
                    for field, text in (("name", name), ("phone", phone))
                ],
            )

    async def _write(
        self, connection: Connection, rows: Sequence[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]
    ) -> None:
        await connection.copy_records_to_table(
            "person",
            records=[person for person, _ in rows],
            columns=[
                "person_id",
                "organisation_id",
                "area",
                "role",
                "status",
                "phone_index",
                "registered_at",
                "revision",
                "name_tokens",
                "waiting_since",
            ],
            timeout=SECONDS,
        )
        await connection.copy_records_to_table(
            "sealed_field", records=[sealed for _, fields in rows for sealed in fields], timeout=SECONDS
        )

    def questions(self) -> Iterator[tuple[str, list[str], str]]:
        """What is asked: case, paths, token. Areas and names differ from one request to the next."""
        central = self.token(Role.CENTRAL_ADMINISTRATOR, "")
        country = [area.code for area in provinces()]
        some = self._random.sample(self._areas, 400)
        names = [self.name() for _ in range(400)]
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
        organisations = [str(_organisation_id(self._areas.index(area), 0)) for area in some[:100]]
        yield "an organisation with its counts", each("/v1/organisations/{}", organisations), central

    async def roll(self, limits: dict[str, float]) -> Figure:
        """Sends a roll of 100,000 to an organisation of a province, and asks for health meanwhile."""
        province = self._areas[0].code[:2]
        inside = [area for area in self._areas if area.code.startswith(province)]
        organisation = await self._organisation(province)
        file = _roll(self, inside)
        process = psutil.Process(self._found.stack.process("registration-http").pid)
        before = cpu.usage(self._found.stack)
        most = resting = process.memory_info().rss
        waits: list[float] = []
        async with httpx.AsyncClient(base_url=self._base, timeout=SECONDS) as client:
            began = time.perf_counter()
            sending = asyncio.create_task(
                client.post(
                    f"/v1/organisations/{organisation}/volunteer-imports?mode=apply",
                    content=file,
                    headers={"Authorization": f"Bearer {self.token(Role.PROVINCE_ADMINISTRATOR, province)}"},
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
            await _until(reporting, {"pending": ROLL})
            began = time.perf_counter()
            headers = {"Authorization": f"Bearer {self.token(Role.PROVINCE_ADMINISTRATOR, province)}"}
            async with httpx.AsyncClient(base_url=self._base, timeout=SECONDS, headers=headers) as client:
                for start in range(0, len(ids), APPROVED_AT_ONCE):
                    body = {"volunteer_ids": ids[start : start + APPROVED_AT_ONCE], "decision": "approve"}
                    answer = await client.post("/v1/approvals", json=body)
                    answer.raise_for_status()
            answered = time.perf_counter() - began
            await _until(reporting, {"pending": ROLL - APPROVED, "approved": APPROVED})
            counted = time.perf_counter() - began
        return Figure(
            "registration",
            f"approvals of {APPROVED:,}, {APPROVED_AT_ONCE} at a time, to the figures of reporting",
            APPROVED / counted,
            "approvals/s",
            {},
            milliseconds={"all answered": answered * 1e3, "all counted": counted * 1e3},
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
                    {"group_code": codes[number % CODES], "name": self.name(), "phone": f"09{number:08}", "area": area},
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


def _organisation_id(place: int, kind: int) -> UUID:
    return UUID(int=(place << 8) + kind + 1)


def _roll(country: Country, areas: Sequence[Area]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["ชื่อ-สกุล", "เบอร์โทร", "รหัสตำบล"])
    for number in range(ROLL):
        writer.writerow([country.name(), f"06{number:08}", areas[number % len(areas)].code])
    return text.getvalue().encode("utf-8-sig")


async def _until(reporting: "asyncpg.Pool[asyncpg.Record]", wanted: dict[str, int]) -> None:
    """Waits until reporting counts exactly so many people by status; never more."""
    async with asyncio.timeout(SECONDS):
        while True:
            rows = await reporting.fetch("SELECT status, sum(people)::bigint AS n FROM volunteer_count GROUP BY status")
            found = {row["status"]: row["n"] for row in rows if row["n"]}
            if found == wanted:
                return
            await asyncio.sleep(0.05)
