"""The keeper's duty: brings Kafka to what was decided about subscribers, within a second, and holds it there."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from services.reporting.settings import GatekeeperSettings, SubscriberSettings
from services.reporting.store import Pool
from services.reporting.subscribers import store
from services.reporting.subscribers.domain import group_prefix
from services.reporting.subscribers.gate import Admission, Gate
from services.reporting.subscribers.store import FIELD, Wanted
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

EVERY_SECONDS: Final = 0.5
"""Whoever is told a password uses it at once, and who is shut out shall be so now. A turn with nothing to do reads one
index-sized table of at most a few hundred rows."""
CHECK_SECONDS: Final = 60.0
"""How soon what was changed in Kafka by other hands is put right."""

_log = log(__name__)


class Bringing(Protocol):
    """Who brings Kafka to what is wanted; see `Gate.bring`."""

    async def bring(self, admissions: Sequence[Admission]) -> frozenset[str]:
        """Let in exactly these."""


class Admitting:
    """Applies the register of subscribers to Kafka."""

    def __init__(
        self,
        pool: Pool,
        gate: Bringing,
        ring: KeyRing,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._gate = gate
        self._ring = ring
        self._clock = clock
        self._monotonic = monotonic
        self._checked: float | None = None

    async def turn(self) -> None:
        """Brings Kafka to the register when something was decided, or nobody has looked for a while.

        1. Read the register: what comes later has a later revision.
        2. Bring Kafka to it. Killed before the next step, it is done again, with the same end.
        3. Note the revisions that Kafka has now, and destroy the passwords that went with them.
        """
        began = self._monotonic()
        async with acquire(self._pool) as connection:
            pending = await store.pending(connection)
            if not pending and self._checked is not None and began < self._checked + CHECK_SECONDS:
                return
            wanted = await store.wanted(connection)
        lost = await self._gate.bring([self._admission(each) for each in wanted if each.subscriber.revoked_at is None])
        without = frozenset(each.subscriber.subscriber_id for each in wanted if each.subscriber.user in lost)
        applied = [each.subscriber for each in wanted]
        async with acquire(self._pool) as connection:
            await store.note_applied(connection, applied, without, self._clock.now())
        self._checked = began
        if without:
            _log.warning("subscribers_without_password", count=len(without))
        if pending:
            _log.info("subscribers_applied", count=sum(one.applied_revision < one.revision for one in applied))

    def _admission(self, wanted: Wanted) -> Admission:
        subscriber, sealed = wanted.subscriber, wanted.password
        password = None
        if sealed is not None:
            household = str(subscriber.subscriber_id)
            password = self._ring.open_sealed(sealed, household=household, field=FIELD).decode()
        return Admission(subscriber.user, group_prefix(subscriber.name), subscriber.grant, password)


def admitting_of(pool: Pool, clock: Clock) -> Admitting | None:
    """From the environment. None where this process is no gatekeeper."""
    gatekeeper, subscribers = GatekeeperSettings(), SubscriberSettings()
    if not gatekeeper.username or gatekeeper.password_file is None or subscribers.sealing_keys_file is None:
        return None
    kafka = KafkaSettings(
        bootstrap=KafkaSettings().bootstrap, username=gatekeeper.username, password_file=gatekeeper.password_file
    )
    return Admitting(pool, Gate(kafka), KeyRing.from_file(subscribers.sealing_keys_file), clock)
