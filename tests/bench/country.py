"""A made-up country for the benchmarks of registration: 1.05 million volunteers of 59,448 organisations, whose names
share beginnings as Thai names do. Its rows are written past the service, with real seals, blind indexes and tokens;
`enrolment.py` makes the same country through HTTP.
"""

import asyncio
import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any
from uuid import UUID, uuid4

from services.registration.name_index import tokens_of_name
from shared.areas.register import subdistricts
from shared.contracts.events import Role
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner
from tests.bench.setting import Setting

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
CHUNK = 20_000
SECONDS = 600.0
"""For one statement about all rows, on a machine that may be busy."""

# Syllables of given names, the most frequent first: a twelfth of all names begin with the first of them.
_SPELLED = (
    "สม สุ วิ ประ ศรี พร บุญ ชัย ณัฐ ธน อร จันทร์ วร นิ กิต รัตน์ พิ มา อนุ ทอง กร ปิย ชน ภา ดวง สิ เพ็ญ ไพ อำ ลัด "
    "ชาย หญิง พงษ์ ศักดิ์ วัฒน์ เดช ดา ณี ยา ลี นันท์ ฤทธิ์ สิทธิ์ มล ใจ แก้ว คำ แสง ดี งาม สุข เจริญ มั่น คง ทรัพย์ ไทย วงศ์"
)
SYLLABLES = _SPELLED.split()
STATUSES = ("approved",) * 17 + ("pending",) * 2 + ("suspended",)


class Country:
    """A country's volunteers and organisations in the registration database of a stack."""

    def __init__(self, found: Setting) -> None:
        self.found = found
        secrets = found.stack.secrets
        environment = found.stack.environment("registration-http")
        self._ring = KeyRing.from_file(secrets.sealing_keys)
        self._index = BlindIndex.from_file(secrets.blind_index_key)
        self._signer = TokenSigner.from_file(secrets.signing_keys, issuer=environment["JITASA_TOKEN_ISSUER"])
        self.random = random.Random(833)  # a made-up country, the same in every run
        self._weights = list(accumulate(1 / (12 + number) for number in range(len(SYLLABLES))))
        self.areas = subdistricts()
        self.now = datetime.now(UTC)
        self.organisations = [
            organisation_id(place, kind)
            for place in range(len(self.areas))
            for kind in range(len(KINDS_OF_ORGANISATION))
        ]
        self.base = f"http://127.0.0.1:{found.port('registration-http')}"

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
        picks = (self.random.random() * self._weights[-1] for _ in range(self.random.randint(least, most)))
        return "".join(SYLLABLES[bisect(self._weights, pick)] for pick in picks)

    async def fill(self) -> None:
        """Writes all rows, as the database's administrator: without triggers and foreign keys, indexes at the end."""
        async with self.found.database("registration", "postgres") as pool, acquire(pool) as connection:
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
        for number, area in enumerate(self.areas):
            for kind, words in enumerate(KINDS_OF_ORGANISATION):
                yield (
                    organisation_id(number, kind),
                    f"{words}{area.name_th}",
                    kind_of_organisation(kind),
                    area.code,
                    self.now,
                    UUID(int=1),
                )

    def _people(self) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
        for number in range(VOLUNTEERS):
            place = number % len(self.areas)
            person = UUID(int=self.random.getrandbits(128), version=4)
            name, phone = self.name(), f"08{number:08}"
            tokens = tokens_of_name(self._index, name)
            at = self.now - timedelta(seconds=VOLUNTEERS - number)
            status = STATUSES[number // len(self.areas) % len(STATUSES)]
            row = (
                person,
                organisation_id(place, number % len(KINDS_OF_ORGANISATION)),
                self.areas[place].code,
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


def organisation_id(place: int, kind: int) -> UUID:
    """The id of an organisation that is written past the service."""
    return UUID(int=(place << 8) + kind + 1)


def kind_of_organisation(kind: int) -> str:
    """What an organisation with the name of that place in KINDS_OF_ORGANISATION is."""
    return "agency" if kind < 2 else "network_partner"
