"""The process that makes one document: `python -m services.reporting.documents.maker`.

A process of its own, so that neither the minute of work for a million rows nor their memory is the service's. It reads
a `Task` from its standard input, takes the rows from the database in one snapshot, and tells what it does by lines of
JSON on its standard output (`Told`). Whoever started it may end it at any moment: what it leaves is in the folder of
its task.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import asyncpg
import msgspec

from services.reporting.documents.orders import Order
from services.reporting.documents.refusals import TooManyRows
from services.reporting.documents.source import rows_of, statement_of
from services.reporting.documents.statement import Rows, Statement
from shared.postgres.pool import CONNECT_SECONDS, UNREACHABLE
from shared.postgres.settings import PostgresSettings

NICENESS: Final = 5
"""Readers' answers go first: they wait for milliseconds, a document is waited for anyway."""
STATEMENT_SECONDS: Final = 120.0
"""All volunteers of the country are summed up and sorted before the first of them comes."""
WORK_MEMORY: Final = "128MB"
"""For that sort; the server's own measure is for answers of some hundred rows."""

Failure = Literal["unavailable", "too_many_rows"]


class Task(msgspec.Struct, frozen=True):
    """What to make, and where to.

    path: the new file; its folder is for whatever else is needed meanwhile. fonts: where the fonts are kept, which are
    made from those in `assets` (a `node_modules` folder) by whoever needs them first.
    """

    order: Order
    path: str
    fonts: str
    assets: str


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the work is: rows written, of how many about; or why there will be no document, and by which error."""

    rows: int = 0
    of: int = 0
    failure: Failure | None = None
    error: str | None = None


def tell(told: Told) -> None:
    """Writes one line; nobody reading it any more ends the process."""
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


async def make(task: Task) -> None:
    """Makes the document. Raises what the database or the disk raises."""
    settings = PostgresSettings()
    connection = await asyncpg.connect(
        **settings.for_asyncpg(),
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        server_settings={
            "application_name": "reporting-documents",
            "timezone": "UTC",
            "work_mem": WORK_MEMORY,
        },
    )
    try:
        snapshot = connection.transaction(isolation="repeatable_read", readonly=True)
        await snapshot.start()
        statement = await statement_of(connection, task.order)
        tell(Told(0, statement.count))

        async def rows() -> Rows:
            async for row in rows_of(connection, task.order):
                yield row
            # Setting and packing the file may take longer than the server lets a transaction stand idle.
            await snapshot.commit()

        await write(task, statement, rows())
    finally:
        connection.terminate()


async def write(task: Task, statement: Statement, rows: Rows) -> None:
    """Writes the rows in the form that was ordered. Each form's library is loaded only where it is used."""
    order, path, progress = task.order, Path(task.path), _progress(statement.count)
    if order.form == "csv":
        from services.reporting.documents.delimited import write_csv

        await write_csv(path, order, statement, rows, progress)
    elif order.form == "xlsx":
        from services.reporting.documents.workbook import write_workbook

        await write_workbook(path, order, statement, rows, progress)
    else:
        from services.reporting.documents.letter import write_letter

        await write_letter(path, order, statement, rows, progress, fonts=_fonts(task))


def _progress(count: int) -> Callable[[int], None]:
    return lambda rows: tell(Told(rows, max(rows, count)))


def _fonts(task: Task) -> Path:
    from services.reporting.documents.typeface import prepare

    fonts = Path(task.fonts)
    if not fonts.exists():
        made = Path(task.path).with_name("fonts")
        prepare(Path(task.assets), made)
        try:
            made.rename(fonts)
        except OSError:
            return made  # another process was faster
    return fonts


async def main() -> None:
    """Makes what standard input asks for; a failure that somebody can do something about is told."""
    os.nice(NICENESS)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        await make(task)
    except UNREACHABLE as error:
        tell(Told(failure="unavailable", error=repr(error)))
    except TooManyRows:
        tell(Told(failure="too_many_rows"))


if __name__ == "__main__":
    asyncio.run(main())
