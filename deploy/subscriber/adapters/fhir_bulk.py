"""Places and figures as FHIR R4 bulk files: `python -m deploy.subscriber.adapters.fhir_bulk --into FOLDER`.

FOLDER/NAME has what FHIR's Bulk Data Access describes: `Location.ndjson`, `MeasureReport.ndjson`, and `manifest.json`,
which names them. All of it appears at once, or, when the command is killed, not at all:

1. the streams are followed to their ends, places and sums in the transaction of the cursor;
2. the files are made of one moment of the database, in a folder beside, which then gets its name.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from deploy.subscriber.adapters import monthly
from deploy.subscriber.adapters.fhir_resources import location, measure_report
from deploy.subscriber.adapters.following import Apply, Book, Event, Follower, Stopped, told

TABLES: Final = (
    monthly.TABLES
    + """
CREATE TABLE IF NOT EXISTS facility (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
"""
)


def keep_facility(connection: sqlite3.Connection, event: Event) -> None:
    """Keep the newest state of a place."""
    data = event["data"]
    connection.execute(
        "INSERT INTO facility VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision, "
        "body = excluded.body WHERE excluded.revision > revision",
        (data["facility_id"], data["revision"], json.dumps(data, ensure_ascii=False)),
    )


FOLLOWED: Final[Mapping[str, Apply]] = {"facility-updated": keep_facility, monthly.STREAM: monthly.add}


def locations(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Every place."""
    for (body,) in connection.execute("SELECT body FROM facility ORDER BY id"):
        yield location(json.loads(body))


def measure_reports(connection: sqlite3.Connection, today: date) -> Iterator[dict[str, Any]]:
    """Every subdistrict at each month's end."""
    for standing in monthly.standings(connection, f"{today:%Y%m}"):
        yield measure_report(standing, today)


def export(book: Book, folder: Path, base: str, today: date, moment: datetime) -> None:
    """Write the files into a folder that is not there yet. base: the URL under which it will be found."""
    beside = folder.with_name(f".{folder.name}.partial")
    with book.transaction() as connection:  # one process writes, and nothing moves meanwhile
        if folder.exists():
            return
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        resources: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "Location": lambda: locations(connection),
            "MeasureReport": lambda: measure_reports(connection, today),
        }
        output = []
        for kind, found in resources.items():
            name = f"{kind}.ndjson"
            count = _write(beside / name, (json.dumps(each, ensure_ascii=False) for each in found()))
            output.append({"type": kind, "url": f"{base}/{name}", "count": count})
        manifest = {
            "transactionTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "request": f"{base}/$export?_type={','.join(resources)}",
            "requiresAccessToken": False,
            "output": output,
            "error": [],
        }
        _write(beside / "manifest.json", [json.dumps(manifest, ensure_ascii=False, indent=2)])
        beside.rename(folder)


def _write(path: Path, lines: Iterator[str] | list[str]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(f"{line}\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    """Export once; 0 when the files are there, 1 when the work has to be taken up again."""
    parser = argparse.ArgumentParser(prog="fhir_bulk", description="Places and figures as FHIR R4 bulk files.")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where exports are put")
    parser.add_argument("--database", type=Path, metavar="FILE", help="what is kept (FOLDER/.fhir-bulk.sqlite)")
    parser.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="until when (today in Thailand)")
    parser.add_argument("--name", help="of the export (the day)")
    parser.add_argument("--base", metavar="URL", help="where FOLDER is served (a file: URL)")
    parser.add_argument("--past-gaps", action="store_true", help="go on where events are missing: ask the centre first")
    chosen = parser.parse_args(arguments)
    moment = datetime.now(UTC)
    today = chosen.today or (moment + monthly.THAILAND).date()
    name = chosen.name or today.isoformat()
    if Path(name).name != name or name.startswith("."):
        parser.error(told("ชื่อนี้ใช้ไม่ได้", "this cannot be a name"))
    chosen.into.mkdir(parents=True, exist_ok=True)
    folder = chosen.into.resolve() / name
    if folder.exists():
        print(told("มีอยู่แล้ว", "It is there already"))
        return 0
    base = (chosen.base or folder.parent.as_uri()).rstrip("/")
    book = Book(chosen.database or chosen.into / ".fhir-bulk.sqlite", TABLES)
    try:
        follower = Follower(book, past_gaps=chosen.past_gaps)
        for stream, apply in FOLLOWED.items():
            follower.to_the_end(stream, apply)
        export(book, folder, f"{base}/{name}", today, moment)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    print(told("เสร็จแล้ว", "Done"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
