"""What whoever operates the machine may do with the figures.

    python -m services.reporting.admin reconcile
    python -m services.reporting.admin rebuild [--reason TEXT] [--no-wait]
    python -m services.reporting.admin dead-letters list [--resolved]
    python -m services.reporting.admin dead-letters show ID
    python -m services.reporting.admin dead-letters replay ID
    python -m services.reporting.admin dead-letters dismiss ID --reason TEXT
    python -m services.reporting.admin gaps list
    python -m services.reporting.admin gaps dismiss TOPIC PARTITION --reason TEXT

The exit code is 0 when it was done, and for `reconcile` when nothing differs; 1 otherwise.
"""

import argparse
import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import httpx

from services.reporting.commands import OPERATOR, Usage, run
from services.reporting.projector import TOPICS
from services.reporting.rebuild import store as rebuilds
from services.reporting.rebuild.store import Rebuild
from services.reporting.settings import OwnerSettings
from services.reporting.store import Pool
from services.reporting.trust import dead_letters, store
from services.reporting.trust.dead_letters import DeadLetter, NotReplayable, Resolved, Unknown
from services.reporting.trust.reconcile import reconciling_of
from services.reporting.trust.store import DifferenceRow, Reconciliation
from shared.areas.register import named
from shared.observability.clock import BANGKOK, SystemClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings

SHOWN: Final = 20
MOST_LISTED: Final = 500
LOOK_SECONDS: Final = 1.0


async def reconcile(pool: Pool) -> int:
    """Compares all figures now; 1 when some differ or a service did not answer."""
    async with httpx.AsyncClient(trust_env=False, verify=ssl.create_default_context()) as client:
        reconciling = reconciling_of(pool, client, OwnerSettings(), SystemClock())
        if reconciling is None:
            raise Usage("the owning services are not named in the environment")
        found = await reconciling.reconcile()
    async with acquire(pool) as connection:
        rows = await store.differences(connection, found.reconciliation_id, "", ("", ""), SHOWN)
    for line in reconciled(found, rows):
        print(line)
    return 1 if found.differing or found.absent else 0


def reconciled(found: Reconciliation, rows: Sequence[DifferenceRow]) -> list[str]:
    """What a comparison has come to, for a person."""
    lines = [f"ไม่ได้รับคำตอบจาก {name} / {name} did not answer" for name in found.absent]
    if found.moving:
        lines.append(
            f"กำลังเปลี่ยนแปลง {found.moving:,} ตัวเลข / {found.moving:,} figures are still moving: "
            "run it again when less comes in"
        )
    if not found.differing:
        return [
            *lines,
            f"ตัวเลขของ reporting ตรงกับบริการเจ้าของข้อมูล ({found.compared:,} ตัวเลข) / "
            f"reporting agrees with the owning services ({found.compared:,} figures)",
        ]
    lines.append(f"ตัวเลขไม่ตรงกัน {found.differing:,} ตัวเลข / {found.differing:,} figures differ:")
    for row in rows:
        since = f", since {row.begins_on}" if row.begins_on else ""
        lines.append(
            f"  reporting: {named(row.area)}: {row.figure}: expected {row.owned}, got {row.reported}"
            f" ({row.service}{since})"
        )
    if found.differing > len(rows):
        more = found.differing - len(rows)
        lines.append(f"  … and {more:,} more / และอีก {more:,} รายการ")
    return lines


async def rebuild(pool: Pool, reason: str, *, wait: bool) -> int:
    """Has all figures made anew by the keeper, and shows how far it is; 1 when it fails."""
    async with acquire(pool) as connection:
        number = await rebuilds.ask(connection, "operator", reason, None, SystemClock().now())
        if number is None:
            print("กำลังคำนวณใหม่อยู่แล้ว / a rebuild waits or is under way already")
            (under_way,) = await rebuilds.latest(connection, 1)
            number = under_way.rebuild_id
    said = ""
    while True:
        async with acquire(pool) as connection:
            found = next(one for one in await rebuilds.latest(connection, MOST_LISTED) if one.rebuild_id == number)
        if (line := progress(found)) != said:
            said = line
            print(line, flush=True)
        if not wait or found.state in ("done", "failed"):
            return 1 if found.state == "failed" else 0
        await asyncio.sleep(LOOK_SECONDS)


def progress(found: Rebuild) -> str:
    """How far a rebuild is, for a person."""
    if found.state == "filling" and found.of:
        share = found.done / found.of
        return f"rebuild {found.rebuild_id}: filling, {found.done:,} of {found.of:,} events ({share:.0%})"
    if found.state == "done" and found.began_at and found.ended_at:
        took = timedelta(seconds=round((found.ended_at - found.began_at).total_seconds()))
        return f"rebuild {found.rebuild_id}: done in {took}"
    return f"rebuild {found.rebuild_id}: {found.state}" + (f" ({found.cause})" if found.cause else "")


async def list_letters(pool: Pool, *, resolved: bool) -> int:
    """Prints dead letters, the oldest first."""
    async with acquire(pool) as connection:
        found = await dead_letters.page(connection, 0, resolved, MOST_LISTED)
    print("\n".join(map(_letter, found)) or "ไม่มีรายการที่อ่านไม่ได้ / there are no dead letters")
    return 0


async def show_letter(pool: Pool, number: int) -> int:
    """Prints one with what is in it."""
    async with acquire(pool) as connection:
        found = await dead_letters.look(connection, number, TOPICS)
    print(_letter(found.letter))
    print("\n".join(f"  {name}: {value}" for name, value in found.headers.items()))
    print(f"  key: {found.key}\n  body: {found.body}")
    print("  can be replayed" if not found.faults else "  faults: " + "; ".join(found.faults))
    return 0


async def replay_letter(pool: Pool, number: int) -> int:
    """Applies one that can be read by now."""
    async with acquire(pool) as connection:
        await dead_letters.replay(connection, number, TOPICS, by=OPERATOR, now=SystemClock().now())
    print(f"{number}: replayed")
    return 0


async def dismiss_letter(pool: Pool, number: int, reason: str) -> int:
    """Gives one up."""
    async with acquire(pool) as connection:
        await dead_letters.dismiss(connection, number, reason, by=OPERATOR, now=SystemClock().now())
    print(f"{number}: dismissed")
    return 0


async def list_gaps(pool: Pool) -> int:
    """Prints partitions that wait."""
    async with acquire(pool) as connection:
        found = await dead_letters.gaps(connection)
    for gap in found:
        last = "the beginning" if gap.last is None else gap.last
        print(f"{gap.topic} {gap.partition}: missing behind {last}, up to {gap.previous}, since {_time(gap.seen_at)}")
    if not found:
        print("ไม่มีข้อมูลขาดหาย / nothing is missing")
    return 0


async def dismiss_gap(pool: Pool, topic: str, partition: int, reason: str) -> int:
    """Gives up what is missing in a partition."""
    async with acquire(pool) as connection:
        for gap in await dead_letters.gaps(connection):
            if (gap.topic, gap.partition) == (topic, partition):
                await dead_letters.dismiss_gap(
                    connection, topic, partition, gap.last, gap.previous, reason, by=OPERATOR, now=SystemClock().now()
                )
                print(f"{topic} {partition}: goes on behind {gap.previous}")
                return 0
    raise Unknown


def _letter(letter: DeadLetter) -> str:
    place = f"{letter.topic} {letter.partition}:{letter.offset}"
    state = f"{letter.resolution}: {letter.reason}" if letter.reason else letter.resolution or "open"
    return f"{letter.id}  {place}  {letter.cause}  {_time(letter.seen_at)}  {state}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(BANGKOK):%Y-%m-%d %H:%M}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="jitasa admin", allow_abbrev=False)
    tasks = whole.add_subparsers(dest="task", required=True)
    tasks.add_parser("reconcile", help="hold every figure to what its owner counts")
    rebuilding = tasks.add_parser("rebuild", help="make all figures anew beside the shown ones, and swap them")
    rebuilding.add_argument("--reason", default="asked for at the machine")
    rebuilding.add_argument("--no-wait", action="store_true", help="return at once")
    letters = tasks.add_parser("dead-letters", help="what could not be read").add_subparsers(dest="step", required=True)
    letters.add_parser("list").add_argument("--resolved", action="store_true", help="also what was decided about")
    for step in ("show", "replay", "dismiss"):
        letters.add_parser(step).add_argument("number", type=int, metavar="ID")
    letters.choices["dismiss"].add_argument("--reason", required=True)
    gaps = tasks.add_parser("gaps", help="what is missing in the streams").add_subparsers(dest="step", required=True)
    gaps.add_parser("list")
    dismissing = gaps.add_parser("dismiss")
    dismissing.add_argument("topic", metavar="TOPIC")
    dismissing.add_argument("partition", type=int, metavar="PARTITION")
    dismissing.add_argument("--reason", required=True)
    return whole


async def main(chosen: argparse.Namespace) -> int:
    """Does what was chosen; the exit code."""
    pool = await open_pool(PostgresSettings(), application="reporting-admin", max_size=2)
    try:
        match chosen.task, getattr(chosen, "step", ""):
            case "reconcile", _:
                return await reconcile(pool)
            case "rebuild", _:
                return await rebuild(pool, chosen.reason, wait=not chosen.no_wait)
            case "dead-letters", "list":
                return await list_letters(pool, resolved=chosen.resolved)
            case "dead-letters", "show":
                return await show_letter(pool, chosen.number)
            case "dead-letters", "replay":
                return await replay_letter(pool, chosen.number)
            case "dead-letters", _:
                return await dismiss_letter(pool, chosen.number, chosen.reason)
            case "gaps", "list":
                return await list_gaps(pool)
        return await dismiss_gap(pool, chosen.topic, chosen.partition, chosen.reason)
    except Unknown:
        raise Usage("there is none: see the list") from None
    except Resolved:
        raise Usage("this has been decided already") from None
    except NotReplayable as error:
        raise Usage(f"this cannot be applied: {error}") from None
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(lambda: main(parser().parse_args()))
