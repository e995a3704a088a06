"""The training of the registration database, one module per subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import asyncpg

from services.registration.store.trainings.attendance import Attendance
from services.registration.store.trainings.completions import Completions
from services.registration.store.trainings.courses import Courses
from services.registration.store.trainings.materials import Materials
from services.registration.store.trainings.sessions import Sessions
from services.registration.store.trainings.sign_ups import SignUps
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing


@dataclass(frozen=True, slots=True)
class Trainings:
    """What is stored about training."""

    courses: Courses
    materials: Materials
    sessions: Sessions
    sign_ups: SignUps
    attendance: Attendance
    completions: Completions

    @classmethod
    def of(cls, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, index: BlindIndex) -> Self:
        """Make the stores of one database."""
        return cls(
            Courses(pool),
            Materials(pool),
            Sessions(pool),
            SignUps(pool, ring, index),
            Attendance(pool, index),
            Completions(pool, ring),
        )
