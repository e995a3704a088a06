"""A survey's database with persons to reach in it, and its routes: rows as recorder and lister write them."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.survey import household
from services.survey.http import add_routes
from services.survey.intake import SEALED_FIELD
from services.survey.precedence import Precedence
from services.survey.reach.lister import relist
from services.survey.reach.tokens import name_tokens, phone_token
from shared.areas.districts import cell_of
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.security.blind_index import BlindIndex
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing
from shared.security.spelling import words_of
from shared.web.app import create_app
from shared.web.authentication import Authentication
from tests.integration.survey.conftest import NOW, Tokens, _nothing
from tests.runtime import Runtime

COUNTS = (
    '{"persons":1,"dose_0":1,"dose_1":0,"dose_2":0,"dose_3":0,"wanting":1,"wanting_608":0,"undecided":0,"refusing":0,'
    '"home_visit":0,"reasons":{}}'
)
SUSPENDED = 13
"""The subject of somebody who may no longer act."""


class Callers(Tokens):
    """`role@area@subject`; subject 13 is suspended, as somebody to give persons to."""

    def is_barred(self, subject: UUID) -> bool:
        """Whether it is him."""
        return subject == UUID(int=SUSPENDED)


@dataclass(frozen=True)
class Reached:
    """A person to reach who was put into the database."""

    household_id: UUID
    person_id: UUID
    submission_id: UUID

    @property
    def named(self) -> dict[str, str]:
        """As bodies name him."""
        return {"household_id": str(self.household_id), "person_id": str(self.person_id)}


@dataclass
class Visits:
    """The database, the keys and the clock."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    clock: MovableClock
    sealing: KeyRing = field(default_factory=lambda: KeyRing("k", {"k": os.urandom(32)}))
    key: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def household_ids(self) -> HouseholdIds:
        """Ids of addresses."""
        return HouseholdIds(self.key)

    @property
    def blind_index(self) -> BlindIndex:
        """Hashes to search by."""
        return BlindIndex(self.key)

    async def survey(
        self,
        *persons: dict[str, Any],
        area: str = "500101",
        village: str | None = None,
        house: str | None = None,
        at: datetime = NOW - timedelta(days=10),
        position: tuple[float, float] | None = None,
        phone: str | None = "0812345678",
    ) -> list[Reached]:
        """A household's standing survey. Of each person `name` and what else a submission has is sealed; `rank`,
        `status`, `due_at`, `followed_at`, `since`, `person_id`, `registered_area`, `facility_id` are of `reach`."""
        house = house or str(uuid4().int % 10**12)
        household_id = self.household_ids.of_address(area, village, house, None)
        submission_id = uuid4()
        address = {"area": area, "house": house} | ({"village": village} if village else {})
        sealed_persons = [
            {name: person[name] for name in ("name", "age", "sex", "national_id", "doses", "risks") if name in person}
            | {"wants_vaccine": "yes", "home_visit": person.get("home_visit", False)}
            for person in persons
        ]
        plain: dict[str, Any] = {
            "submission_id": str(submission_id),
            "captured_at": at.isoformat(),
            "address": address,
            "persons": sealed_persons,
            "contact": {"name": "ผู้ติดต่อ", "phone": phone},
        }
        if position:
            plain["position"] = {"lat": position[0], "lon": position[1]}
        sealed = self.sealing.seal(msgspec.json.encode(plain), household=str(household_id), field=SEALED_FIELD)
        await self._submission(submission_id, household_id, area, at, "survey", sealed)
        row, column = cell_of(*position) if position else (None, None)
        reached = [
            household.Reached(
                person.get("person_id") or uuid4(),
                place,
                person.get("rank", 5),
                person.get("since", at),
                dose=len(person.get("doses", ())),
                surveyed_dose=len(person.get("doses", ())),
                at_risk=bool(person.get("risks")),
                home_visit=person.get("home_visit", False),
                registered_area=person.get("registered_area"),
                reasons=("hard_to_reach",),
                status=person.get("status", "open"),
                due_at=person.get("due_at"),
                facility_id=person.get("facility_id"),
                followed_at=person.get("followed_at"),
                cell_row=row,
                cell_column=column,
                tokens=tuple(self._tokens(person.get("name"), phone)),
            )
            for place, person in enumerate(persons)
        ]
        await self.pool.execute(
            """
            INSERT INTO household (household_id, area, village, revision, submission_id, captured_at, counts, reach)
            VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
            ON CONFLICT (household_id) DO UPDATE
            SET submission_id = $4, captured_at = $5, revision = household.revision + 1, reach = $7
            """,
            household_id,
            area,
            village,
            submission_id,
            at,
            COUNTS,
            msgspec.json.encode(reached).decode(),
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await relist(connection, [household_id])
        return [Reached(household_id, person.person_id, submission_id) for person in reached]

    def _tokens(self, name: str | None, phone: str | None) -> list[int]:
        tokens = name_tokens(self.blind_index, words_of(name or ""))
        return [*tokens, phone_token(self.blind_index, phone)] if phone else tokens

    async def follow_up(self, person: Reached, outcome: str, *, at: datetime, **facts: Any) -> UUID:
        """A recorded follow-up, as it stands beside the person's row."""
        follow_up_id = uuid4()
        plain = {
            "follow_up_id": str(follow_up_id),
            "captured_at": at.isoformat(),
            "household_id": str(person.household_id),
            "person_id": str(person.person_id),
            "outcome": outcome,
            "contact": "visit",
            "note": facts.get("note"),
        }
        sealed = self.sealing.seal(msgspec.json.encode(plain), household=str(person.household_id), field=SEALED_FIELD)
        await self._submission(follow_up_id, person.household_id, "500101", at, "follow_up", sealed)
        await self.pool.execute(
            """
            INSERT INTO follow_up (submission_id, household_id, person_id, captured_at, outcome, dose, due_at,
                                   facility_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            follow_up_id,
            person.household_id,
            person.person_id,
            at,
            outcome,
            facts.get("dose"),
            facts.get("due_at"),
            facts.get("facility_id"),
        )
        return follow_up_id

    async def point(self, name: str, *, area: str = "500101", capacity: int | None = 2, **place: Any) -> UUID:
        """A vaccination point of the copy."""
        facility_id = uuid4()
        await self.pool.execute(
            "INSERT INTO vaccination_point VALUES ($1, 1, $2, $3, $4, $5, $6, $7, '[]', NULL)",
            facility_id,
            name,
            area,
            place.get("lat"),
            place.get("lon"),
            place.get("status", "open"),
            capacity,
        )
        return facility_id

    async def _submission(
        self, submission_id: UUID, household_id: UUID, area: str, at: datetime, kind: str, sealed: Any
    ) -> None:
        await self.pool.execute(
            """
            INSERT INTO submission (submission_id, household_id, volunteer_id, area, captured_at, received_at,
                                    recorded_at, kind, outcome, revision, digest, partition, sequence, key_id,
                                    wrapped_key, sealed)
            VALUES ($1, $2, $3, $4, $5, $5, $5, $6, 'recorded', 1, '', 0,
                    (SELECT coalesce(max(sequence), 0) + 1 FROM submission), $7, $8, $9)
            """,
            submission_id,
            household_id,
            UUID(int=7),
            area,
            at,
            kind,
            sealed.key_id,
            sealed.wrapped_key,
            sealed.ciphertext,
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """The survey's routes; a token is `role@area@subject`, the subject as a small number."""
        app: FastAPI = create_app(title="test", lifespan=_nothing, ready=list)
        add_routes(app)
        app.state.pool = app.state.lists = self.pool
        app.state.intake, app.state.clock = None, self.clock
        app.state.precedence = Precedence()
        app.state.sealing, app.state.household_ids, app.state.blind_index = (
            self.sealing,
            self.household_ids,
            self.blind_index,
        )
        app.state.authentication = Authentication(Callers(), Callers())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://survey") as client:
            yield client

    async def readings(self) -> list[tuple[str, Sequence[UUID]]]:
        """What was read for what purpose, in order."""
        rows = await self.pool.fetch("SELECT purpose, households FROM reading ORDER BY id")
        return [(row["purpose"], row["households"]) for row in rows]


@pytest.fixture
async def visits(runtime: Runtime) -> AsyncIterator[Visits]:
    """An empty database."""
    database = runtime.create_database("survey")
    pool = await open_pool(database, application="test", max_size=6)
    try:
        yield Visits(pool, MovableClock(NOW))
    finally:
        await pool.close()
        runtime.drop_database(database)


def by(role: str, area: str, subject: int, language: str = "en") -> dict[str, str]:
    """The headers of somebody."""
    return {"Authorization": f"Bearer {role}@{area}@{subject}", "Accept-Language": language}


VOLUNTEER = by("volunteer", "500101", 7)
OTHER = by("volunteer", "500101", 8)
COORDINATOR = by("subdistrict_coordinator", "500101", 9)
PROVINCE = by("province_administrator", "50", 10)
CENTRE = by("central_administrator", "", 11)
