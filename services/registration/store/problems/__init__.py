"""The problems of the registration database, one module per subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import asyncpg

from services.registration.likeness import Likeness
from services.registration.store.problems.attachments import Attachments
from services.registration.store.problems.counts import Counts
from services.registration.store.problems.known import KnownProblems
from services.registration.store.problems.similar import SimilarTitles
from services.registration.store.problems.steps import Steps
from services.registration.store.problems.tickets import Tickets
from shared.security.sealing import KeyRing


@dataclass(frozen=True, slots=True)
class Problems:
    """What is stored about problems."""

    tickets: Tickets
    steps: Steps
    attachments: Attachments
    known: KnownProblems
    similar: SimilarTitles
    counts: Counts

    @classmethod
    def of(cls, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, likeness: Likeness) -> Self:
        """Make the stores of one database."""
        return cls(
            Tickets(pool, ring),
            Steps(pool, ring, likeness),
            Attachments(pool, ring),
            KnownProblems(pool, likeness),
            SimilarTitles(pool, ring, likeness),
            Counts(pool),
        )
