"""A small transactional database that understands the statements which the production code issues.

It has what the protocol leans on: row locks held until the end of the transaction, READ COMMITTED (a statement sees
what was committed when it began, and looks again at rows that it had to wait for), unique violations, deadlock
detection, lock time-outs, advisory locks, NOTIFY at the commit, rollback when a session is lost. Statements are
recognised by their text, so one that changes in the product is unknown here until its meaning is written down as well.
`tests/integration/simulation` holds it to what PostgreSQL does.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Any, TypeAlias

import asyncpg

from services.reporting import projector
from services.reporting.notices import NOTIFY
from services.survey import store
from services.survey.quality import Sighting
from services.survey.reach import store as reach_store
from shared.kafka import position, projection, relay
from shared.postgres import outbox
from tests.simulation.scheduler import Process, World, settle

LOCK_SECONDS = 1.0
"""The server's `lock_timeout`. This and the other long time-outs are a tenth of the product's, all in the same measure:
what matters is which comes first, and idle processes that poll through ten virtual seconds cost real ones."""

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, Any]
Work: TypeAlias = Generator[Key, None, Any]
Statement: TypeAlias = Callable[["Session", tuple[Any, ...]], Work]

CHANGE_ENTITY = "UPDATE entity SET revision = revision + 1 WHERE id = $1 RETURNING revision"
"""Stands for the change that an outbox row tells of: it locks the entity's row, as `outbox.append` asks for."""

POSITION_COLUMNS = (
    "topic",
    "partition",
    "topic_id",
    "topic_epoch",
    "owner_epoch",
    "next_offset",
    "last_sequence",
    "published",
    "published_topic_id",
)
UNIQUE = {"submission": ("partition", "sequence")}
"""Besides its primary key, what else of a table is unique."""


class Session:
    """One connection as the server sees it."""

    def __init__(self, database: "Database", process: Process) -> None:
        self.database = database
        self.process = process
        self.alive = True
        self.in_transaction = False
        self.failed = False
        self.written: dict[str, dict[Any, Row | None]] = {}
        self.held: list[Key] = []
        self.waits_for: Key | None = None
        self.running: _Running | None = None
        self.notices: list[str] = []
        self.listener: Callable[..., None] | None = None

    def get(self, table: str, key: Any) -> Row | None:
        """A row as this session sees it."""
        own = self.written.get(table)
        if own is not None and key in own:
            return own[key]
        return self.database.tables[table].get(key)

    def rows(self, table: str) -> list[Row]:
        """All rows of a table as this session sees them."""
        own = self.written.get(table)
        committed = self.database.tables[table]
        return [row for row in ({**committed, **own} if own else committed).values() if row is not None]

    def put(self, table: str, key: Any, row: Row) -> None:
        """Writes a row, which others see after the commit."""
        self.written.setdefault(table, {})[key] = row

    def remove(self, table: str, key: Any) -> None:
        """Deletes a row, which others miss after the commit."""
        self.written.setdefault(table, {})[key] = None


@dataclass(eq=False, slots=True)
class _Running:
    session: Session
    work: Work
    reply: Callable[[Any, BaseException | None], None]


@dataclass(slots=True)
class Trouble:
    """What is to go wrong with the coming commits: each entry is "before" (lost on its way) or "after" (the answer)."""

    commits: deque[str] = field(default_factory=deque)


class Database:
    """The server: committed rows, locks and sessions."""

    def __init__(self, world: World, name: str, *, idle_seconds: float = LOCK_SECONDS) -> None:
        """idle_seconds: `idle_in_transaction_session_timeout`."""
        self.world = world
        self.name = name
        self.idle_seconds = idle_seconds
        self.trouble = Trouble()
        self.sessions: list[Session] = []
        self.tables: dict[str, dict[Any, Row]] = {
            "consumer_position": {},
            "submission": {},
            "submission_unique": {},
            "household": {},
            "follow_up": {},
            "repeated_submission": {},
            "volunteer_sighting": {},
            "person_index": {},
            "dead_letter": {},
            "entity": {},
            "outbox": {},
            "outbox_unique": {},
            "outbox_position": {},
            "outbox_topic": {},
            "stream_progress": {},
        }
        for statement in COUNTERS:
            self.tables[_addition(statement).table] = {}
        self._locks: dict[Key, Session] = {}
        self._waiting: dict[Key, deque[_Running]] = {}
        self._advisory: dict[int, Session] = {}
        self._outbox_id = 0

    def connect(self, process: Process) -> Session:
        """A new session."""
        session = Session(self, process)
        self.sessions.append(session)
        return session

    def begin(self, session: Session) -> None:
        """BEGIN."""
        self._check(session)
        session.in_transaction = True

    def commit(self, session: Session) -> None:
        """COMMIT; of a transaction in which a statement failed it is a rollback, as in PostgreSQL."""
        self._check(session)
        trouble = self.trouble.commits.popleft() if self.trouble.commits else ""
        if trouble == "before":
            self.terminate(session)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        self._end(session, apply=not session.failed)
        if trouble == "after":
            self.terminate(session)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def rollback(self, session: Session) -> None:
        """ROLLBACK."""
        self._check(session)
        self._end(session, apply=False)

    def execute(
        self,
        session: Session,
        statement: Statement,
        arguments: tuple[Any, ...],
        reply: Callable[[Any, BaseException | None], None],
    ) -> None:
        """Runs a statement; `reply` gets its result or error, perhaps only after others' locks are released."""
        try:
            self._check(session)
            if session.failed:
                raise asyncpg.InFailedSQLTransactionError("current transaction is aborted")
        except asyncpg.PostgresError as error:
            reply(None, error)
            return
        session.running = running = _Running(session, statement(session, arguments), reply)
        self._go_on(running)

    def terminate(self, session: Session) -> None:
        """Ends a session; what it had not committed is gone."""
        if not session.alive:
            return
        session.alive = False
        self.sessions.remove(session)
        running = session.running
        self._end(session, apply=False)
        self._unlock(session)
        if running is not None:
            running.reply(None, asyncpg.AdminShutdownError("terminating connection"))

    def client_is_gone(self, process: Process) -> None:
        """The operating system closed a dead process's connections."""
        for session in [one for one in self.sessions if one.process is process]:
            self.terminate(session)

    def client_is_silent(self, process: Process) -> None:
        """Applies `idle_in_transaction_session_timeout` to a process that has said nothing for so long."""
        for session in [one for one in self.sessions if one.process is process]:
            if session.in_transaction and session.running is None:
                self.world.note(f"{self.name}: session of {process.name} idle in transaction, ended")
                self.terminate(session)

    def reset(self, session: Session) -> None:
        """What was set for the session is forgotten: its listener and its locks."""
        self._check(session)
        session.listener = None
        self._unlock(session)

    def _unlock(self, session: Session) -> None:
        for key in [key for key, holder in self._advisory.items() if holder is session]:
            del self._advisory[key]

    def try_advisory_lock(self, session: Session, key: int) -> bool:
        """Takes a lock that lasts as long as the session."""
        return self._advisory.setdefault(key, session) is session

    def next_outbox_id(self) -> int:
        """Identity columns count on at the insert, whatever becomes of the transaction."""
        self._outbox_id += 1
        return self._outbox_id

    @staticmethod
    def _check(session: Session) -> None:
        if not session.alive:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def _go_on(self, running: _Running) -> None:
        session = running.session
        error: BaseException | None = None
        result = None
        try:
            while True:
                key = next(running.work)
                holder = self._locks.get(key)
                if holder is None:
                    self._locks[key] = session
                    session.held.append(key)
                elif holder is not session:
                    self._wait(running, key, holder)
                    return
        except StopIteration as end:
            result = end.value
        except asyncpg.PostgresError as raised:
            error = raised
        session.running = None
        if error is not None:
            session.failed = session.in_transaction
        if not session.in_transaction:
            self._end(session, apply=error is None)
        running.reply(result, error)

    def _wait(self, running: _Running, key: Key, holder: Session) -> None:
        session = running.session
        other: Session | None = holder
        while other is not None and other.waits_for is not None:
            other = self._locks.get(other.waits_for)
            if other is session:
                self._give_up(running, asyncpg.DeadlockDetectedError("deadlock detected"))
                return
        if self.world.tracing:
            self.world.note(f"{self.name}: {session.process.name} waits for {key}, held by {holder.process.name}")
        session.waits_for = key
        self._waiting.setdefault(key, deque()).append(running)
        self.world.after(LOCK_SECONDS, self._time_out, running, key)

    def _time_out(self, running: _Running, key: Key) -> None:
        if running.session.running is running and running.session.waits_for == key:
            self._waiting[key].remove(running)
            self._give_up(running, asyncpg.LockNotAvailableError("canceling statement due to lock timeout"))

    def _give_up(self, running: _Running, error: asyncpg.PostgresError) -> None:
        session = running.session
        running.work.close()
        session.running = session.waits_for = None
        session.failed = session.in_transaction
        if not session.in_transaction:
            self._end(session, apply=False)
        running.reply(None, error)

    def _end(self, session: Session, *, apply: bool) -> None:
        """Ends a transaction: its rows become everybody's or nobody's, its locks pass on."""
        if apply:
            for table, rows in session.written.items():
                self.tables[table].update((key, row) for key, row in rows.items() if row is not None)
                for key in [key for key, row in rows.items() if row is None]:
                    self.tables[table].pop(key, None)
            if session.notices:
                for other in self.sessions:
                    if other.listener is not None:
                        other.process.call_soon(other.listener)
        session.in_transaction = session.failed = False
        session.written = {}
        session.notices = []
        if session.waits_for is not None:
            queue = self._waiting[session.waits_for]
            self._waiting[session.waits_for] = deque(one for one in queue if one.session is not session)
        session.running = session.waits_for = None
        held, session.held = session.held, []
        for key in held:
            del self._locks[key]
        for key in held:
            queue = self._waiting.get(key, deque())
            if queue and key not in self._locks:
                waiter = queue.popleft()
                self._locks[key] = waiter.session
                waiter.session.held.append(key)
                waiter.session.waits_for = None
                self.world.after(0.0, self._woken, waiter)

    def _woken(self, waiter: _Running) -> None:
        if waiter.session.running is waiter:
            self._go_on(waiter)


# The statements. Each yields the rows that it locks, one by one, and goes on when it has the lock.


def _end_stalled(session: Session, arguments: tuple[Any, ...]) -> Work:
    """Here a COPY is one step, in the middle of which nobody stops."""
    return [(0,)]
    yield


def _take_over(session: Session, arguments: tuple[Any, ...]) -> Work:
    topic, topic_id, partitions, first_offsets = arguments
    rows = []
    for partition, first_offset in sorted(zip(partitions, first_offsets, strict=True)):
        key = (topic, partition)
        yield "consumer_position", key
        former = session.get("consumer_position", key)
        if former is None:
            columns = (topic, partition, topic_id, 1, 1, first_offset, None, 0, None)
            row = dict(zip(POSITION_COLUMNS, columns, strict=True))
        else:
            row = {**former, "owner_epoch": former["owner_epoch"] + 1, "topic_id": topic_id}
            if former["topic_id"] != topic_id:
                row |= {"topic_epoch": former["topic_epoch"] + 1, "next_offset": first_offset}
        session.put("consumer_position", key, row)
        former = former or {}
        rows.append(
            {
                **row,
                "former_topic_id": former.get("topic_id"),
                "former_next_offset": former.get("next_offset"),
            }
        )
    return rows


def move_statement(*, owner_epoch: bool) -> Statement:
    """The move of positions; owner_epoch: whether the owner's epoch is one of its conditions."""

    def move(session: Session, arguments: tuple[Any, ...]) -> Work:
        def fits(row: Row | None, step: tuple[Any, ...]) -> bool:
            return (
                row is not None and row["next_offset"] == step[3] and (not owner_epoch or row["owner_epoch"] == step[2])
            )

        steps = list(zip(*arguments, strict=True))
        steps = [step for step in steps if fits(session.get("consumer_position", step[:2]), step)]
        # In which order the rows are locked is the planner's business.
        session.database.world.chance.shuffle(steps)
        moved = 0
        for step in steps:
            key = step[:2]
            yield "consumer_position", key
            row = session.get("consumer_position", key)
            if row is None or not fits(row, step):
                continue
            names = ("next_offset", "last_sequence", "published", "published_topic_id")
            session.put("consumer_position", key, {**row, **dict(zip(names, step[4:], strict=True))})
            moved += 1
        return f"UPDATE {moved}"

    return move


def _known_submissions(session: Session, arguments: tuple[Any, ...]) -> Work:
    found = [(one, session.get("submission", one)) for one in arguments[0]]
    return [(one, row["digest"]) for one, row in found if row is not None]
    yield


def _households(session: Session, arguments: tuple[Any, ...]) -> Work:
    rows = [session.get("household", one) for one in arguments[0]]
    return [
        tuple(row[name] for name in ("household_id", *_HOUSEHOLD_STATE, "followed_at", "erased_at", "erased_by"))
        for row in rows
        if row is not None
    ]
    yield


_HOUSEHOLD_STATE = ("revision", "submission_id", "captured_at", "counts", "reach")


def _change_households(session: Session, arguments: tuple[Any, ...]) -> Work:
    rows = list(zip(*arguments, strict=True))
    changed = 0
    for key, village, *state in rows:
        yield "household", key
        former = session.get("household", key)
        if former is not None:
            now = dict(zip((*_HOUSEHOLD_STATE, "followed_at", "erased_at", "erased_by"), state, strict=True))
            session.put("household", key, {**former, **now, "village": former["village"] or village})
            changed += 1
    return f"UPDATE {changed}"


def _follow_ups(session: Session, arguments: tuple[Any, ...]) -> Work:
    found = []
    for row in session.rows("follow_up"):
        household = session.get("household", row["household_id"])
        if row["household_id"] not in arguments[0] or household is None:
            continue
        if household["captured_at"] is None or row["captured_at"] >= household["captured_at"]:
            found.append(tuple(row.values()))
    return sorted(found, key=lambda row: row[1:3])
    yield


def _heard(session: Session, arguments: tuple[Any, ...]) -> Work:
    since: dict[Any, Any] = {}
    for row in session.rows("submission"):
        for person in row["reach"] or () if row["household_id"] in arguments[0] else ():
            key = (row["household_id"], person)
            since[key] = min(since.get(key, row["captured_at"]), row["captured_at"])
    return [(*key, heard) for key, heard in since.items()]
    yield


def _forget_follow_ups(session: Session, arguments: tuple[Any, ...]) -> Work:
    kept = set(zip(*arguments[1:], strict=True))
    for row in session.rows("follow_up"):
        if row["household_id"] in arguments[0] and (row["household_id"], row["person_id"]) not in kept:
            yield "follow_up", row["submission_id"]
            session.remove("follow_up", row["submission_id"])


def _forget_listed(session: Session, arguments: tuple[Any, ...]) -> Work:
    """Nobody lists persons or takes them on in the simulated campaigns."""
    yield from ()


def _forget_persons(session: Session, arguments: tuple[Any, ...]) -> Work:
    for submission in session.rows("submission"):
        for person in submission["persons"] or () if submission["household_id"] in arguments[0] else ():
            row = session.get("person_index", person)
            if row is not None and row["household"] == submission["household_id"] and person not in arguments[1]:
                yield "person_index", person
                session.remove("person_index", person)


def _destroy_keys(session: Session, arguments: tuple[Any, ...]) -> Work:
    for row in session.rows("submission"):
        if row["household_id"] in arguments[0] and row["submission_id"] not in arguments[1]:
            yield "submission", row["submission_id"]
            session.put(
                "submission", row["submission_id"], {**row, "wrapped_key": None, "persons": None, "reach": None}
            )


def _sightings(session: Session, arguments: tuple[Any, ...]) -> Work:
    found = [(one, session.get("volunteer_sighting", one)) for one in arguments[0]]
    return [(one, row["captured_at"], row["row"], row["column"]) for one, row in found if row is not None]
    yield


def _put_sightings(session: Session, arguments: tuple[Any, ...]) -> Work:
    for volunteer, *sighting in sorted(zip(*arguments, strict=True)):
        yield "volunteer_sighting", volunteer
        row = dict(zip(Sighting._fields, sighting, strict=True))
        former = session.get("volunteer_sighting", volunteer)
        if former is None or former["captured_at"] < row["captured_at"]:
            session.put("volunteer_sighting", volunteer, row)


def _claim_persons(session: Session, arguments: tuple[Any, ...]) -> Work:
    claimed = 0
    for person, household in sorted(zip(*arguments, strict=True)):
        if session.get("person_index", person) is None:
            yield "person_index", person
            if session.get("person_index", person) is None:  # whoever held it may have committed
                session.put("person_index", person, {"household": household})
                claimed += 1
    return f"INSERT 0 {claimed}"


def _households_of_persons(session: Session, arguments: tuple[Any, ...]) -> Work:
    found = [(one, session.get("person_index", one)) for one in arguments[0]]
    return [(one, row["household"]) for one, row in found if row is not None]
    yield


def _recorded_from(session: Session, arguments: tuple[Any, ...]) -> Work:
    partition, sequence, limit = arguments
    rows = [row for row in session.rows("submission") if row["partition"] == partition and row["sequence"] >= sequence]
    rows.sort(key=lambda row: int(row["sequence"]))
    return rows[:limit]
    yield


def insert_statement(table: str, primary_key: Sequence[str], columns: Sequence[str]) -> Statement:
    """COPY into a table: every row takes its keys, and one that is taken is a unique violation."""

    def insert(session: Session, arguments: tuple[Any, ...]) -> Work:
        for values in arguments[0]:
            row = dict(zip(columns, values, strict=True))
            key = row[primary_key[0]] if len(primary_key) == 1 else tuple(row[name] for name in primary_key)
            yield table, key
            _refuse_taken(session, table, key)
            if table in UNIQUE:
                other = tuple(row[name] for name in UNIQUE[table])
                yield f"{table}_unique", other
                _refuse_taken(session, f"{table}_unique", other)
                session.put(f"{table}_unique", other, {})
            session.put(table, key, row)
        return f"COPY {len(arguments[0])}"

    return insert


def _refuse_taken(session: Session, table: str, key: Any) -> None:
    if session.get(table, key) is not None:
        raise asyncpg.UniqueViolationError(f"duplicate key value violates a unique constraint of {table}: {key}")


def _insert_dead_letters(session: Session, arguments: tuple[Any, ...]) -> Work:
    for row in zip(*arguments, strict=True):
        topic, partition, topic_epoch, offset = row[:4]
        key = (topic, topic_epoch, partition, offset)
        yield "dead_letter", key
        if session.get("dead_letter", key) is None:
            session.put("dead_letter", key, {"partition": partition, "sequence": row[4], "cause": row[5]})


def _change_entity(session: Session, arguments: tuple[Any, ...]) -> Work:
    entity = arguments[0]
    yield "entity", entity
    row = session.get("entity", entity)
    revision = (row["revision"] if row else 0) + 1
    session.put("entity", entity, {"revision": revision})
    return [(revision,)]


def _insert_event(session: Session, arguments: tuple[Any, ...]) -> Work:
    names = ("topic", "partition", "key", "event_id", "event_time", "body")
    row = dict(zip(names, arguments, strict=True))
    row |= {"id": session.database.next_outbox_id(), "sequence": None, "previous": None, "published_at": None}
    yield "outbox", row["id"]
    session.put("outbox", row["id"], row)
    session.notices.append("outbox")
    return "INSERT 0 1"


def _number_rows(session: Session, arguments: tuple[Any, ...]) -> Work:
    rows = sorted((row for row in session.rows("outbox") if row["sequence"] is None), key=lambda row: int(row["id"]))
    batch: dict[tuple[str, int], list[Row]] = {}
    for row in rows[: arguments[0]]:
        batch.setdefault((row["topic"], row["partition"]), []).append(row)
    for place, in_order in batch.items():
        yield "outbox_position", place
        former = session.get("outbox_position", place)
        last = former["last_sequence"] if former else 0
        session.put("outbox_position", place, {"last_sequence": last + len(in_order)})
        for number, row in enumerate(in_order, last + 1):
            yield "outbox", row["id"]
            _refuse_taken(session, "outbox_unique", (*place, number))
            session.put("outbox_unique", (*place, number), {})
            session.put("outbox", row["id"], {**row, "sequence": number, "previous": number - 1 or None})
    return f"UPDATE {sum(map(len, batch.values()))}"


def _unpublished_rows(session: Session, arguments: tuple[Any, ...]) -> Work:
    rows = [row for row in session.rows("outbox") if row["published_at"] is None and row["sequence"] is not None]
    rows.sort(key=lambda row: (row["topic"], row["partition"], row["sequence"]))
    return rows[: arguments[0]]
    yield


def _mark_published(session: Session, arguments: tuple[Any, ...]) -> Work:
    for one in arguments[0]:
        yield "outbox", one
        row = session.get("outbox", one)
        if row is not None:
            session.put("outbox", one, {**row, "published_at": session.database.world.now})


def _note_identity(session: Session, arguments: tuple[Any, ...]) -> Work:
    topic, topic_id = arguments
    yield "outbox_topic", topic
    session.put("outbox_topic", topic, {"topic": topic, "topic_id": topic_id})


def _published_in(session: Session, _: tuple[Any, ...]) -> Work:
    return [(row["topic"], row["topic_id"]) for row in session.rows("outbox_topic")]
    yield


def _database(session: Session, _: tuple[Any, ...]) -> Work:
    """It is never restored."""
    return [(None, "this one")]
    yield


def _note_database(session: Session, _: tuple[Any, ...]) -> Work:
    return "INSERT 0 1"
    yield


def _forget_published(session: Session, arguments: tuple[Any, ...]) -> Work:
    for row in session.rows("outbox"):
        if row["topic"] == arguments[0] and row["published_at"] is not None:
            yield "outbox", row["id"]
            session.put("outbox", row["id"], {**row, "published_at": None})


def _advisory_lock(session: Session, arguments: tuple[Any, ...]) -> Work:
    return [(session.database.try_advisory_lock(session, arguments[0]),)]
    yield


def _hold(session: Session, arguments: tuple[Any, ...]) -> Work:
    work, locks = arguments
    for lock in locks:
        yield "advisory", (work, lock)


def _highest(session: Session, arguments: tuple[Any, ...]) -> Work:
    return [
        (max((key[1] for key in session.database.tables["consumer_position"] if key[0] == arguments[0]), default=None),)
    ]
    yield


def _notify(session: Session, _: tuple[Any, ...]) -> Work:
    return None
    yield


def _note_progress(session: Session, arguments: tuple[Any, ...]) -> Work:
    for topic, newest, events in sorted(zip(*arguments, strict=True)):
        yield "stream_progress", topic
        row = session.get("stream_progress", topic) or {"newest": newest, "events": 0}
        both = {"newest": max(row["newest"], newest), "events": row["events"] + events}
        session.put("stream_progress", topic, both)


@dataclass(frozen=True, slots=True)
class _Addition:
    table: str
    keys: int
    counters: tuple[str, ...]


@lru_cache(maxsize=64)
def _addition(statement: str) -> _Addition:
    """What one of the projector's additions (`services.reporting.projector.addition`) says."""
    found = re.match(r"INSERT INTO (\w+) AS t \((.*?)\) .* ON CONFLICT \((.*?)\) DO UPDATE SET", statement)
    if found is None:
        raise LookupError(f"not an addition: {statement}")
    keys = len(found[3].split(", "))
    return _Addition(found[1], keys, tuple(found[2].split(", ")[keys:]))


def addition_statement(statement: str) -> Statement:
    """Adds rows of counters to a table."""
    shape = _addition(statement)

    def add(session: Session, arguments: tuple[Any, ...]) -> Work:
        *keys, text = arguments
        numbers, width = json.loads(f"[{text[1:-1]}]"), len(shape.counters)
        rows = {key: numbers[n * width : (n + 1) * width] for n, key in enumerate(zip(*keys, strict=True))}
        for key, row in sorted(rows.items(), key=lambda item: [str(part) for part in item[0]]):
            yield shape.table, key
            former = session.get(shape.table, key)
            added = dict(zip(shape.counters, row, strict=True))
            if former is not None:
                added = {name: former[name] + value for name, value in added.items()}
            session.put(shape.table, key, added)

    return add


COUNTERS: Sequence[str] = [value for name, value in vars(projector).items() if name.startswith("ADD_")]

STATEMENTS: Mapping[str, Statement] = {
    position.END_STALLED: _end_stalled,
    position.TAKE_OVER: _take_over,
    position.MOVE: move_statement(owner_epoch=True),
    position.HIGHEST: _highest,
    store.HOLD: _hold,
    store.KNOWN_SUBMISSIONS: _known_submissions,
    store.HOUSEHOLDS: _households,
    store.CHANGE_HOUSEHOLDS: _change_households,
    store.SIGHTINGS: _sightings,
    store.PUT_SIGHTINGS: _put_sightings,
    store.HOUSEHOLDS_OF_PERSONS: _households_of_persons,
    store.CLAIM_PERSONS: _claim_persons,
    store.RECORDED_FROM: _recorded_from,
    reach_store.FOLLOW_UPS: _follow_ups,
    reach_store.HEARD: _heard,
    reach_store.FORGET_FOLLOW_UPS: _forget_follow_ups,
    reach_store.FORGET_REACH: _forget_listed,
    reach_store.FORGET_CLAIMS: _forget_listed,
    reach_store.FORGET_PERSONS: _forget_persons,
    reach_store.DESTROY_KEYS: _destroy_keys,
    "COPY household": insert_statement("household", ["household_id"], store.HOUSEHOLD_COLUMNS),
    "COPY follow_up": insert_statement("follow_up", ["submission_id"], reach_store.FOLLOW_UP_COLUMNS),
    "COPY submission": insert_statement("submission", ["submission_id"], store.SUBMISSION_COLUMNS),
    "COPY repeated_submission": insert_statement(
        "repeated_submission", ["partition", "sequence"], store.REPEATED_COLUMNS
    ),
    projection.INSERT_DEAD_LETTERS: _insert_dead_letters,
    CHANGE_ENTITY: _change_entity,
    outbox.INSERT_EVENT: _insert_event,
    relay.NUMBER_ROWS: _number_rows,
    relay.UNPUBLISHED_ROWS: _unpublished_rows,
    relay.MARK_PUBLISHED: _mark_published,
    relay.NOTE_IDENTITY: _note_identity,
    relay.PUBLISHED_IN: _published_in,
    relay.DATABASE: _database,
    relay.NOTE_DATABASE: _note_database,
    relay.FORGET_PUBLISHED: _forget_published,
    relay.LOCK: _advisory_lock,
    NOTIFY: _notify,
    projector.NOTE_PROGRESS: _note_progress,
    **{statement: addition_statement(statement) for statement in COUNTERS},
}


@lru_cache(maxsize=64)
def _together(text: str) -> Statement:
    """What `services.reporting.projector.together` made of several statements."""
    *writes, last_write = re.split(r"(?:^WITH |\),\n)write_\d+ AS \(", text)[1:]
    works = []
    for part in (*writes, *last_write.rsplit(")\n", 1)):
        numbers = projector.parameters(part)
        works.append((statement_of(projector.renumbered(part, 1 - min(numbers))), min(numbers) - 1, max(numbers)))

    def run(session: Session, arguments: tuple[Any, ...]) -> Work:
        # In which order PostgreSQL runs them is its own business.
        for work, first, last in session.database.world.chance.sample(works, len(works)):
            yield from work(session, arguments[first:last])

    return run


def statement_of(text: str) -> Statement:
    """What a statement does; an AssertionError for one that nobody has told the simulation about."""
    if text.startswith("WITH write_1 AS "):
        return _together(text)
    try:
        return STATEMENTS[text]
    except KeyError:
        raise AssertionError(f"the simulated database does not know this statement: {text}") from None


# What the production code holds in its hands: asyncpg's pool, connection and transaction, as far as it uses them.


class Pool:
    """A process's pool."""

    def __init__(self, database: Database, process: Process, statements: Callable[[str], Statement] = statement_of):
        """statements: gives a statement's meaning by its text."""
        self._database = database
        self._process = process
        self._statements = statements
        self._idle: list[Connection] = []

    def acquire(self, *, timeout: float | None = None) -> AbstractAsyncContextManager["Connection"]:
        """A connection for the length of an `async with`."""
        return _Acquired(self)

    async def take(self) -> "Connection":
        """An open connection, a new one when none is idle."""
        while self._idle:
            connection = self._idle.pop()
            if connection.session.alive:
                return connection
        session = await self._process.ask(lambda: self._database.connect(self._process))
        return Connection(self._database, self._process, session, self._statements)

    def give_back(self, connection: "Connection") -> None:
        """Keeps a connection for the next user."""
        if connection.session.alive:
            self._idle.append(connection)


class _Acquired:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: Connection | None = None

    async def __aenter__(self) -> "Connection":
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._pool.give_back(self._connection)


class Connection:
    """A process's end of a session."""

    def __init__(
        self, database: Database, process: Process, session: Session, statements: Callable[[str], Statement]
    ) -> None:
        self.session = session
        self.process = process
        self.database = database
        self._statements = statements

    def transaction(self) -> "Transaction":
        """A transaction for the length of an `async with`."""
        return Transaction(self)

    async def fetch(self, text: str, *arguments: Any) -> list[Any]:
        """The rows of a statement."""
        return list(await self._run(text, arguments))

    async def fetchval(self, text: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        rows = await self._run(text, arguments)
        return rows[0][0]

    async def execute(self, text: str, *arguments: Any) -> Any:
        """The status of a statement."""
        return await self._run(text, arguments)

    async def copy_records_to_table(self, table: str, *, records: Sequence[Any], columns: Sequence[str]) -> Any:
        """COPY."""
        return await self._run(f"COPY {table}", (records,))

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """LISTEN."""
        self.check()
        await self.process.ask(lambda: setattr(self.session, "listener", callback))

    async def remove_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """UNLISTEN."""
        self.check()
        await self.process.ask(lambda: setattr(self.session, "listener", None))

    async def reset(self, *, timeout: float) -> None:
        """What was set for the session is forgotten."""
        self.check()
        await self.process.ask(lambda: self.database.reset(self.session))

    def check(self) -> None:
        """Raises what asyncpg raises on a connection known to be closed."""
        if self.process.alive and not self.session.alive:
            raise asyncpg.InterfaceError("connection is closed")

    async def _run(self, text: str, arguments: tuple[Any, ...]) -> Any:
        self.check()
        process, world = self.process, self.database.world
        answer = process.create_future()
        statement = self._statements(text)
        if world.tracing:
            world.note(f"{process.name} -> {self.database.name}: {' '.join(text.split())[:60]}")
        if process.alive:
            world.after(world.latency(), self._serve, statement, arguments, answer)
        return await answer

    def _serve(self, statement: Statement, arguments: tuple[Any, ...], answer: Any) -> None:
        def reply(result: Any, error: BaseException | None) -> None:
            if error is not None and self.database.world.tracing:
                self.database.world.note(f"{self.database.name} -> {self.process.name}: {type(error).__name__}")
            settle(answer, result, error)

        self.database.execute(self.session, statement, arguments, reply)


class Transaction:
    """BEGIN, and COMMIT or ROLLBACK."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> None:
        connection = self._connection
        connection.check()
        await connection.process.ask(lambda: connection.database.begin(connection.session))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        connection.check()
        database, world = connection.database, connection.database.world
        if kind is None:
            await connection.process.ask(lambda: database.commit(connection.session))
        else:
            await connection.process.ask(lambda: database.rollback(connection.session))
        if world.tracing:
            world.note(f"{connection.process.name}: {'committed' if kind is None else f'rolled back: {error!r}'}")
