"""CSV by night: every event in exactly one night's file, whenever the command is killed."""

import asyncio
import csv
import sqlite3
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from deploy.subscriber.adapters.csv_columns import COLUMNS
from deploy.subscriber.adapters.csv_nightly import cell
from deploy.subscriber.sandbox import Sandbox
from shared.contracts.golden import examples
from tests.integration.subscriber.adapters.conftest import begin, run

FIRST = date(2022, 2, 7)


def rows(path: Path) -> list[list[str]]:
    """The lines of a file, with its headings."""
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(text.decode("utf-8-sig").splitlines()))


def ids(folder: Path, stream: str) -> Counter[str]:
    """How often each event is in the files of a stream."""
    return Counter(row[0] for path in folder.glob(f"{stream}-2*.csv") for row in rows(path)[1:])


def names(folder: Path, pattern: str = "*.csv") -> set[str]:
    """The files of a folder."""
    return {path.name for path in folder.glob(pattern)}


def published(sandbox: Sandbox) -> set[str]:
    """The ids of all surveys."""
    records = [record for partition in sandbox.surveys.records.values() for record in partition]
    return {dict(headers)["ce_id"].decode() for _, _, headers in records}


async def test_a_night_has_a_file_of_each_stream(
    sandbox: Sandbox, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Thai headings, all events, and a second run adds nothing to a night that is done."""
    asked = ("--into", tmp_path, "--night", FIRST.isoformat())
    assert await run("csv_nightly", environment, *asked, "--thai-headers") == (0, "Done\n")
    assert names(tmp_path) == {f"{stream}-{FIRST}.csv" for stream in COLUMNS}
    for stream, columns in COLUMNS.items():
        found = rows(tmp_path / f"{stream}-{FIRST}.csv")
        assert found[0] == list(columns.values())
        assert all(len(row) == len(columns) for row in found)
        if stream != "survey-submitted":
            wanted = {example.envelope.id for example in examples() if example.topic.name == stream}
            assert {row[0] for row in found[1:]} == wanted
    assert ids(tmp_path, "survey-submitted") == Counter(published(sandbox))
    before = (tmp_path / f"survey-submitted-{FIRST}.csv").read_bytes()
    await sandbox.survey(3)
    assert await run("csv_nightly", environment, *asked) == (0, "This night was done before\n")
    assert (tmp_path / f"survey-submitted-{FIRST}.csv").read_bytes() == before
    following = ("--into", tmp_path, "--night", "2022-02-08")
    assert (await run("csv_nightly", environment, *following))[0] == 0
    assert len(rows(tmp_path / "survey-submitted-2022-02-08.csv")) == 1 + 3
    assert rows(tmp_path / "survey-submitted-2022-02-08.csv")[0][:3] == ["id", "time", "number"]


async def test_killed_again_and_again_each_event_is_in_one_file(
    sandbox: Sandbox, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Killed after all kinds of times, and each time started for the next night while events come."""
    for number in range(14):
        night = (FIRST + timedelta(days=number // 2)).isoformat()
        asked = ("--into", tmp_path, "--night", night, "--streams", "survey-submitted")
        process = await begin("csv_nightly", environment, *asked)
        await sandbox.survey(20)
        await asyncio.sleep(0.25 + number * 0.05)  # another moment each time, from before it reads until it has written
        if process.returncode is None:
            process.kill()
        await process.communicate()
    asked = ("--into", tmp_path, "--night", "2022-03-01", "--streams", "survey-submitted")
    assert (await run("csv_nightly", environment, *asked))[0] == 0
    assert ids(tmp_path, "survey-submitted") == Counter(published(sandbox))
    assert names(tmp_path, "*.partial") == set()


@pytest.mark.parametrize("moment", ["closed", "written"])
async def test_killed_around_the_renaming_the_same_file_is_made_again(
    sandbox: Sandbox, environment: Mapping[str, str], tmp_path: Path, moment: str
) -> None:
    """As if killed after the night was closed, before and after its file got its name."""
    asked = ("--into", tmp_path, "--streams", "survey-submitted")
    kept = sqlite3.connect(tmp_path / ".csv-nightly.sqlite", isolation_level=None)
    assert (await run("csv_nightly", environment, *asked, "--night", "2022-02-07"))[0] == 0
    path = tmp_path / "survey-submitted-2022-02-07.csv"
    kept.execute("INSERT INTO night VALUES ('2022-02-08', 'closed')")
    kept.execute(
        "INSERT INTO waiting (night, stream, cells) VALUES ('2022-02-08', 'survey-submitted', '[\"one\", \"two\"]')"
    )
    if moment == "written":
        path.with_name("survey-submitted-2022-02-08.csv").write_text("half a fi")
    assert await run("csv_nightly", environment, *asked, "--night", "2022-02-08") == (0, "This night was done before\n")
    assert rows(tmp_path / "survey-submitted-2022-02-08.csv")[1:] == [["one", "two"]]
    assert kept.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
    kept.close()


async def test_what_is_missing_stops_it_and_is_not_passed_over(
    environment: Mapping[str, str], tmp_path: Path, sandbox: Sandbox
) -> None:
    """With another place than that of the cursor; going on is a decision."""
    asked = ("--into", tmp_path, "--streams", "survey-submitted")
    assert (await run("csv_nightly", environment, *asked, "--night", "2022-02-07"))[0] == 0
    kept = sqlite3.connect(tmp_path / ".csv-nightly.sqlite", isolation_level=None)
    kept.execute("UPDATE last SET sequence = sequence - 1")
    await sandbox.survey(30)
    code, said = await run("csv_nightly", environment, *asked, "--night", "2022-02-08")
    assert code == 1
    assert "are missing" in said
    assert kept.execute("SELECT state FROM night WHERE night = '2022-02-08'").fetchone() == ("open",)
    assert (await run("csv_nightly", environment, *asked, "--night", "2022-02-08", "--past-gaps"))[0] == 0
    assert ids(tmp_path, "survey-submitted") == Counter(published(sandbox))
    kept.close()


async def test_a_token_that_is_not_good_is_told(environment: Mapping[str, str], tmp_path: Path) -> None:
    """It ends at once, with the answer."""
    code, said = await run("csv_nightly", {**environment, "JITASA_TOKEN": "another"}, "--into", tmp_path)
    assert code == 1
    assert "401" in said


async def test_an_area_sees_itself_alone(sandbox: Sandbox) -> None:
    """The sandbox's tokens have areas as the real ones have."""
    async with httpx.AsyncClient(base_url=sandbox.url, headers={"Authorization": "Bearer sandbox@83"}) as client:
        answer = await client.get("/v1/streams/survey-submitted/events", params={"limit": 1000})
    areas = {line.partition('"area":"')[2][:6] for line in answer.text.splitlines() if '"household_id"' in line}
    assert areas == {"830101"}


def test_cells() -> None:
    """No formulas; nothing for null; lists and objects as JSON; times as they are."""
    event = {
        "id": "a",
        "number": "00000000000000000012",
        "data": {"name": "=1+1", "hours": ["ก"], "free": 0, "no": None},
    }
    found = [
        cell(event, path) for path in ("id", "number", "data.name", "data.hours", "data.free", "data.no", "data.x.y")
    ]
    assert found == ["a", "12", "'=1+1", '["ก"]', "0", "", ""]
