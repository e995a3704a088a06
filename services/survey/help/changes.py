"""What becomes of requests for help: the row, what happened, the event, and the notice to whoever watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.survey.help import domain
from services.survey.help.domain import Request, Step
from services.survey.help.notices import tell
from services.survey.help.personal import seal_note
from services.survey.help.rows import COLUMNS, NAMES, values_of
from shared.contracts.topics import HELP_UPDATED
from shared.postgres import outbox
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, Sealed

UPDATE: Final = f"""
UPDATE help_request
SET ({NAMES}) = ROW ({", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))})
WHERE request_id = $1
"""  # noqa: S608 - names of ours

INSERT_STEPS: Final = """
INSERT INTO help_step
    (request_id, revision, at, step, actor, actor_role, told_role, told_area, other, key_id, wrapped_key, sealed)
SELECT s.*
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
            $9::uuid[], $10::text[], $11::bytea[], $12::bytea[]) AS s
"""


@dataclass(frozen=True, slots=True)
class Happened:
    """One step, to be noted with the revision that it led to. `note` is sealed."""

    after: Request
    before: Request | None
    step: Step
    actor: UUID | None = None
    actor_role: str | None = None
    other: UUID | None = None
    note: str | None = None


async def put(connection: Connection, ring: KeyRing | None, steps: Sequence[Happened]) -> None:
    """Write what requests have become, in the transaction that locked them, and tell everybody."""
    await connection.executemany(UPDATE, [values_of(each.after) for each in steps])
    await record(connection, ring, steps)


async def record(connection: Connection, ring: KeyRing | None, steps: Sequence[Happened]) -> None:
    """Note what happened: the history, the events, the notices. ring: None where no step has a note."""
    rows = []
    for each in steps:
        after = each.after
        told = after.told if each.step is Step.HANDED_UP else None
        sealed: Sealed | tuple[None, None, None] = (None, None, None)
        if each.note is not None and ring is not None:
            sealed = seal_note(ring, after.request_id, after.revision, each.note)
        rows.append(
            (
                after.request_id,
                after.revision,
                after.updated_at,
                each.step.value,
                each.actor,
                each.actor_role,
                told and told[0].value,
                told and told[1],
                each.other,
                *sealed,
            )
        )
    await connection.execute(INSERT_STEPS, *map(list, zip(*rows, strict=True)))
    by_time: dict[datetime, list[Happened]] = {}
    for each in steps:
        by_time.setdefault(each.after.updated_at, []).append(each)
    for time, happened in by_time.items():
        events = [(str(each.after.request_id), domain.event(each.after, each.before)) for each in happened]
        await outbox.append_all(connection, HELP_UPDATED, events, time=time)
    await tell(connection, [each.after for each in steps])
