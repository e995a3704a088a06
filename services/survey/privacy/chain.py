"""The chain of the audit log: every reading gets a link whose hash covers the link before it.

The keeper, of which there is one, links what has committed. Whoever changes, deletes, moves or inserts a row breaks a
hash; whoever cuts the end off is found by a head that was noted before: each new one is logged, and a metric.
"""

import hashlib
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from services.survey.privacy.retention import READINGS_KEPT
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import READING_CHAIN_BROKEN, READING_CHAIN_HEAD, READING_CHAIN_LENGTH
from shared.postgres.pool import Connection, acquire

BATCH: Final = 1_000
"""Readings linked in one transaction: some 15 ms."""
BATCHES: Final = 20
"""In one turn: more readings than a busy country makes between two turns; the rest waits for the next."""
LINK_SECONDS: Final = 5.0
"""Between two turns. A reading could be changed unseen for so long by somebody who has a superuser's password."""
LATE: Final = timedelta(hours=1)
"""A reading that is linked so long after its own time is remarked upon: the keeper was away, or somebody added it."""
UNLINKED: Final = timedelta(minutes=10)
"""A committed reading without a link is no longer one that waits for its turn."""
MOST_FINDINGS: Final = 100
"""That one verification lists; it counts all."""
VERIFIED_AT_ONCE: Final = 5_000
SHOWN_BITS: Final = 48
"""Of the head's hash, as the metric shows them: a number that a float holds exactly."""

BEGINNING: Final = bytes(32)
"""The hash before the first link."""

CONTENT: Final = """
sha256(convert_to(
    jsonb_build_array(r.id, r.read_at, r.reader, r.role, r.area, r.purpose, r.households)::text, 'UTF8'
))
"""

HEAD: Final = "SELECT position, hash FROM reading_link ORDER BY position DESC LIMIT 1"
HASH_AT: Final = "SELECT hash FROM reading_link WHERE position = $1"

WAITING: Final = f"""
SELECT r.id, r.read_at, {CONTENT} AS content
FROM reading_waiting AS w JOIN reading AS r ON r.id = w.reading_id
ORDER BY r.id
LIMIT $1
"""  # noqa: S608 - constants of ours

LINK: Final = """
WITH linked AS (
    INSERT INTO reading_link (position, reading_id, read_at, linked_at, content, hash)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bytea[], $6::bytea[])
    RETURNING reading_id
)
DELETE FROM reading_waiting USING linked WHERE reading_waiting.reading_id = linked.reading_id
"""

LINKS: Final = f"""
SELECT l.position, l.reading_id, l.read_at, l.linked_at, l.content, l.hash, r.id IS NOT NULL AS present,
       {CONTENT} = l.content AS unchanged
FROM reading_link AS l LEFT JOIN reading AS r ON r.id = l.reading_id
WHERE l.position > $1
ORDER BY l.position
LIMIT $2
"""  # noqa: S608 - constants of ours

UNLINKED_ROWS: Final = """
SELECT r.id
FROM reading AS r
WHERE NOT EXISTS (SELECT FROM reading_link AS l WHERE l.reading_id = r.id)
  AND (r.read_at < $1 OR NOT EXISTS (SELECT FROM reading_waiting AS w WHERE w.reading_id = r.id))
ORDER BY r.id
"""

_log = log(__name__)
_LINKED: Final = struct.Struct(">qqqq")
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Head:
    """The last link: how many there are, and the hash that covers them all."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> "Head":
        """What `str` writes. Raises `ValueError`."""
        position, _, digest = text.partition(":")
        value = bytes.fromhex(digest)
        if len(value) != len(BEGINNING) or int(position) < 0:
            raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
        return cls(int(position), value)


EMPTY: Final = Head(0, BEGINNING)


def hash_of(
    before: bytes, position: int, reading_id: int, read_at: datetime, linked_at: datetime, content: bytes
) -> bytes:
    """The hash of a link."""
    numbers = _LINKED.pack(position, reading_id, (read_at - _START) // _TICK, (linked_at - _START) // _TICK)
    return hashlib.sha256(before + numbers + content).digest()


class Linking:
    """The keeper's duty: links what has committed, and notices when the chain does not go on from where it left it."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._left: Head | None = None

    async def turn(self) -> None:
        """Links what waits, batch by batch, in the order of its numbers."""
        for _ in range(BATCHES):
            async with acquire(self._pool) as connection, connection.transaction():
                number, head = await self._link(connection)
            if number:
                _log.info("reading_chain", head=str(head))
            self._left = head
            READING_CHAIN_LENGTH.set(head.position)
            READING_CHAIN_HEAD.set(int.from_bytes(head.hash) >> 8 * len(head.hash) - SHOWN_BITS)
            if number < BATCH:
                break

    def let_go(self) -> None:
        """Another keeper tells of the chain from now on. That it was broken is told until somebody ends this process:
        a keeper that has only just begun does not know it."""
        READING_CHAIN_LENGTH.set(0)
        READING_CHAIN_HEAD.set(0)

    async def _link(self, connection: Connection) -> tuple[int, Head]:
        head = await head_of(connection)
        if not await self._goes_on(connection, head):
            READING_CHAIN_BROKEN.set(1)
            _log.error("reading_chain_changed", left=str(self._left), found=str(head))
        rows = await connection.fetch(WAITING, BATCH)
        now = self._clock.now()
        links = []
        for row in rows:
            position = head.position + 1
            digest = hash_of(head.hash, position, row["id"], row["read_at"], now, row["content"])
            links.append((position, row["id"], row["read_at"], now, row["content"], digest))
            head = Head(position, digest)
        if links:
            await connection.execute(LINK, *map(list, zip(*links, strict=True)))
        return len(rows), head

    async def _goes_on(self, connection: Connection, head: Head) -> bool:
        """Whether the last link that this keeper knows is still there. Behind it there may be others: of another keeper
        since, or of a commit whose answer was lost."""
        left = self._left
        if left is None or left in (EMPTY, head):
            return True
        return bool(await connection.fetchval(HASH_AT, left.position) == left.hash)


async def head_of(connection: Connection) -> Head:
    """The last link."""
    row = await connection.fetchrow(HEAD)
    return EMPTY if row is None else Head(row["position"], row["hash"])


@dataclass(slots=True)
class Verification:
    """What a walk along the whole chain found.

    faults: by code, how many. `changed`: a row's content is another; `hash`: a link was changed, inserted or moved;
    `missing_link`: positions without one; `deleted`: a row that has to be kept is gone; `not_linked`: a row that is not
    in the chain; `cut`: the chain ends before a head that was noted; `other_head`: at a noted position it has another
    hash. late: links made long after their reading. Not a fault by itself: the keeper may have been away.
    """

    head: Head = EMPTY
    forgotten: int = 0
    late: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    findings: list[Mapping[str, int | str]] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def note(self, code: str, **where: int) -> None:
        """Counts a fault, and lists it while there is room."""
        self.faults[code] = self.faults.get(code, 0) + 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append({"code": code, **where})


async def verify(connection: Connection, *, now: datetime, noted: Head | None = None) -> Verification:
    """Walks along the chain and looks at every row; in a transaction that sees one state.

    noted: a head from a log or a metric, which the chain has to have passed.
    """
    found = Verification()
    before = BEGINNING
    expected = 1
    if noted is not None and noted.position == 0 and noted.hash != BEGINNING:
        found.note("other_head", position=0)
    async for link in _links(connection):
        position = link["position"]
        if position != expected:
            found.note("missing_link", position=expected)
        at = (position, link["reading_id"], link["read_at"], link["linked_at"])
        if link["hash"] != hash_of(before, *at, link["content"]):
            found.note("hash", position=position)
        if link["present"]:
            if not link["unchanged"]:
                found.note("changed", position=position, reading=link["reading_id"])
        elif link["read_at"] > now - READINGS_KEPT:
            found.note("deleted", position=position, reading=link["reading_id"])
        else:
            found.forgotten += 1
        found.late += link["linked_at"] - link["read_at"] > LATE
        if noted is not None and position == noted.position and link["hash"] != noted.hash:
            found.note("other_head", position=position)
        before, expected = link["hash"], position + 1
        found.head = Head(position, before)
    if noted is not None and found.head.position < noted.position:
        found.note("cut", position=found.head.position)
    for row in await connection.fetch(UNLINKED_ROWS, now - UNLINKED):
        found.note("not_linked", reading=row["id"])
    return found


async def _links(connection: Connection) -> AsyncIterator[asyncpg.Record]:
    last = 0
    while rows := await connection.fetch(LINKS, last, VERIFIED_AT_ONCE):
        for row in rows:
            yield row
        last = rows[-1]["position"]
