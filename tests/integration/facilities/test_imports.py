"""Lists as units: checked, looked at, applied as one, undone; and what the register was, it is again."""

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.facilities.importer import Importer
from services.facilities.imports import applying, checking
from services.facilities.store import imports, places
from services.facilities.store.imports import LEASE, MOST_ATTEMPTS, MOST_WAITING
from shared.contracts.topics import FURTHER_FACILITY_UPDATED
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from tests.samples import places as samples

Place = Callable[..., dict[str, Any]]
Pool = Any
TITLES = ("ชื่อสถานที่", "ประเภท", "รหัสตำบล", "เตียงทั้งหมด", "เตียงว่าง")
OFFICER = {"Authorization": "Bearer place_officer@50"}
ADMINISTRATOR = {"Authorization": "Bearer province_administrator@50"}
CENTRE = {"Authorization": "Bearer central_administrator@"}


def listed(*rows: Sequence[object], titles: Sequence[str] = TITLES) -> bytes:
    """A list as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([titles, *rows])
    return text.getvalue().encode("utf-8-sig")


@pytest.fixture
def importer(pool: Pool, clock: MovableClock) -> Importer:
    """The worker, which works when it is told to."""
    return Importer(pool, clock)


class Lists:
    """Lists that are sent and worked on."""

    def __init__(self, client: httpx.AsyncClient, importer: Importer) -> None:
        self.client = client
        self.importer = importer

    async def send(self, file: bytes, name: str = "list.csv", **headers: str) -> dict[str, Any]:
        """A list, checked."""
        answer = await self.client.post("/v1/imports", params={"name": name}, content=file, headers=headers)
        assert answer.status_code == 202, answer.text
        return await self.done(answer.json()["import_id"], **headers)

    async def done(self, import_id: str, **headers: str) -> dict[str, Any]:
        """An import after all that waits was worked on."""
        while await self.importer.once():
            pass
        document: dict[str, Any] = (await self.client.get(f"/v1/imports/{import_id}", headers=headers)).json()
        return document

    async def step(self, import_id: str, what: str, query: str = "", **headers: str) -> dict[str, Any]:
        """An import that was applied or undone."""
        answer = await self.client.post(f"/v1/imports/{import_id}/{what}{query}", headers=headers)
        assert answer.status_code == 202, answer.text
        return await self.done(import_id, **headers)

    async def rows(self, import_id: str, query: str = "", **headers: str) -> list[dict[str, Any]]:
        """The rows of an import."""
        rows: list[dict[str, Any]] = (
            await self.client.get(f"/v1/imports/{import_id}/rows{query}", headers=headers)
        ).json()["items"]
        return rows


@pytest.fixture
def lists(client: httpx.AsyncClient, importer: Importer) -> Lists:
    return Lists(client, importer)


async def register(pool: Pool, *, closed: bool = True) -> dict[str, dict[str, Any]]:
    """Everything that the register holds of every place, but what counts changes."""
    rows = await pool.fetch("SELECT to_jsonb(f) - 'revision' - 'updated_at' AS place FROM facility AS f")
    found = [json.loads(row["place"]) for row in rows]
    return {one["facility_id"]: one for one in found if closed or one["status"] != "closed"}


async def events(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM outbox"))


async def test_a_list_is_checked_applied_and_undone(lists: Lists, pool: Pool, place: Place) -> None:
    known = [
        (await lists.client.post("/v1/facilities", json=place(name=f"รพ.สนาม {number}", free=number))).json()
        for number in range(3)
    ]
    former, told = await register(pool), await events(pool)
    sent = await lists.send(
        listed(
            ("รพ.สนาม 0", "โรงพยาบาลสนาม", "500101", 200, 0),
            ("รพ.สนาม 1", "โรงพยาบาลสนาม", "500101", 200, 99),
            ("ศูนย์พักคอยใหม่", "ศูนย์พักคอย", "500102", 20, ""),
            ("ศูนย์พักคอยใหม่", "ศูนย์พักคอย", "500102", 20, 1),
            ("ศูนย์เตียงเกิน", "ศูนย์พักคอย", "500102", 20, 21),
            ("ศูนย์ต่างจังหวัด", "ศูนย์พักคอย", "100101", 20, 1),
        )
    )
    assert (sent["state"], sent["row_count"], sent["failure"]) == ("checked", 6, None)
    assert sent["counts"] == {"unchanged": 1, "changed": 1, "new": 1, "error": 3}
    assert await register(pool) == former  # a dry run
    rows = await lists.rows(sent["import_id"])
    assert [row["result"] for row in rows] == ["unchanged", "changed", "new", "error", "error", "error"]
    assert rows[1]["changes"] == [{"field": "free", "before": 1, "after": 99}]
    assert rows[1]["facility_id"] == known[1]["facility_id"]
    assert [(fault["cell"], fault["code"]) for row in rows[3:] for fault in row["faults"]] == [
        ("A5", "repeated_row"),
        ("E6", "more_than_capacity"),
        ("C7", "outside_import_area"),
    ]

    applied = await lists.step(sent["import_id"], "application")
    assert (applied["state"], await events(pool)) == ("applied", told + 2)
    new = (await lists.client.get(f"/v1/facilities/{rows[2]['facility_id']}")).json()
    assert (new["name"], new["capacity"], new["organisation_id"]) == ("ศูนย์พักคอยใหม่", 20, known[0]["organisation_id"])
    changed = (await lists.client.get(f"/v1/facilities/{known[1]['facility_id']}")).json()
    assert changed == known[1] | {
        "free": 99, "revision": 2, "updated_at": changed["updated_at"], "confirmed_at": changed["confirmed_at"],
    }  # fmt: skip
    assert (await lists.client.post(f"/v1/imports/{sent['import_id']}/application")).status_code == 409

    again = await lists.send(listed(("รพ.สนาม 1", "โรงพยาบาลสนาม", "500101", 200, 99)))
    assert again["counts"] == {"unchanged": 1}

    undone = await lists.step(sent["import_id"], "undo")
    assert (undone["state"], await events(pool)) == ("undone", told + 4)
    assert await register(pool, closed=False) == former
    assert (await lists.client.get(f"/v1/facilities/{new['facility_id']}")).json()["status"] == "closed"


async def test_what_others_change_meanwhile_and_since(lists: Lists, pool: Pool, place: Place) -> None:
    names = [f"ศูนย์ร่วม {number}" for number in range(2)]
    known = [
        (await lists.client.post("/v1/facilities", json=place(name=name, kind="waiting_centre"))).json()
        for name in names
    ]

    async def changed(number: int, free: int) -> None:
        address = f"/v1/facilities/{known[number]['facility_id']}"
        present = (await lists.client.get(address)).json()
        seen = {"If-Match": f'"{present["revision"]}"'}
        assert (await lists.client.put(address, json=present | {"free": free}, headers=seen)).status_code == 200

    async def free() -> list[int]:
        return [(await lists.client.get(f"/v1/facilities/{one['facility_id']}")).json()["free"] for one in known]

    file = listed(*((name, "ศูนย์พักคอย", "500101", 200, 50) for name in names))
    sent = await lists.send(file)
    await changed(0, 7)
    refused = await lists.step(sent["import_id"], "application")
    assert (refused["state"], refused["failure"]) == ("checked", "changed_meanwhile")
    assert refused["counts"] == {"changed_meanwhile": 1, "changed": 1}
    assert await free() == [7, 12]  # nothing of it
    await lists.step(sent["import_id"], "application", "?partial=true")
    assert await free() == [7, 50]
    await changed(1, 8)
    undone = await lists.step(sent["import_id"], "undo")
    assert undone["counts"] == {"changed_meanwhile": 1, "changed_since": 1}
    assert await free() == [7, 8]


async def test_a_downloaded_list_comes_back(lists: Lists, pool: Pool, place: Place, clock: MovableClock) -> None:
    """Download, correct in a spreadsheet, upload: a working week."""
    bodies = [
        place(
            name="โรงพยาบาลครบทุกช่อง",
            area="140101",
            kind="hospital",
            official_code="00123",
            position={"lat": 14.35, "lon": 100.56},
            details={"lanes_per_hour": 90, "vaccines": ["208"], "access": "walk_in"},
            hours=[
                {"days": ["mon", "tue"], "open": "08:30", "close": "12:00"},
                {"days": ["sat"], "open": "20:00", "close": "02:00"},
            ],
            hours_exceptions=[{"date": "2022-04-13", "spans": [], "note": None}],
            holidays="closed",
            hours_note="พักเที่ยง",
        ),
        place(name="=จุดตรวจ", area="140101", kind="test_point", free=None, capacity=None, position=None, hours=[]),
        place(name="ศูนย์เต็ม", area="140102", kind="waiting_centre", position=None, status="full", services=[]),
    ]
    for body in bodies:
        assert (await lists.client.post("/v1/facilities", json=body, headers=CENTRE)).status_code == 201
    former = await register(pool)
    clock.advance(timedelta(days=3))
    for form in ("csv", "xlsx"):
        file = (await lists.client.get(f"/v1/facilities.{form}?area=14")).content
        sent = await lists.send(file, f"places.{form}", **CENTRE)
        rows = await lists.rows(sent["import_id"], **CENTRE)
        assert sent["counts"] == {"unchanged": 3}, rows
    confirmed = await lists.step(sent["import_id"], "application", "?confirm=true", **CENTRE)
    assert confirmed["state"] == "applied"
    fresh = (await lists.client.get("/v1/facilities?area=14")).json()["items"]
    assert {one["confirmed_at"] for one in fresh} == {"2022-02-10T02:00:00Z"}
    await lists.step(sent["import_id"], "undo", **CENTRE)
    assert await register(pool) == former

    text = (await lists.client.get("/v1/facilities.csv?area=14")).text
    corrected = [
        ["" if title == "เตียงว่าง" and cell == "12" else cell for title, cell in zip(titles, row, strict=True)]
        for table in [list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))]
        for titles, row in ((table[0], row) for row in table)
    ]
    sent = await lists.send(listed(*corrected[1:], titles=corrected[0]), **CENTRE)
    changes = [change for row in await lists.rows(sent["import_id"], **CENTRE) for change in row["changes"]]
    assert changes == [{"field": "free", "before": 12, "after": None}] * 2
    await lists.client.post(f"/v1/facilities/{fresh[0]['facility_id']}/confirmation", headers=CENTRE)
    stale = await lists.send(listed(*corrected[1:], titles=corrected[0]) + b"\n", **CENTRE)
    faults = [fault["code"] for row in await lists.rows(stale["import_id"], **CENTRE) for fault in row["faults"]]
    assert faults == ["stale_revision"]


async def test_places_of_further_kinds_are_imported_and_keep_to_their_stream(lists: Lists, pool: Pool) -> None:
    titles = ("ชื่อสถานที่", "ประเภท", "รหัสตำบล")
    list_ = listed(("วัดหนึ่ง", "วัดที่รับฌาปนกิจ", "500108"), ("วัดสอง", "cremation_temple", "500108"), titles=titles)
    sent = await lists.send(list_)
    assert sent["counts"] == {"new": 2}
    assert (await lists.step(sent["import_id"], "application"))["state"] == "applied"
    told = await pool.fetchval("SELECT count(*) FROM outbox WHERE topic = $1", FURTHER_FACILITY_UPDATED.name)
    assert told == 2
    ids = [row["facility_id"] for row in await lists.rows(sent["import_id"])]
    changes = [(ids[0], "วัดหนึ่ง", "ศูนย์พักคอย", "500108"), (ids[1], "วัดที่สอง", "ฌาปนสถาน", "500108")]
    changed = await lists.send(listed(*changes, titles=("facility_id", *titles)))
    rows = await lists.rows(changed["import_id"])
    assert [row["result"] for row in rows] == ["error", "changed"]
    assert [(fault["cell"], fault["code"]) for fault in rows[0]["faults"]] == [("C2", "kind_stays")]


@pytest.mark.parametrize("name", samples.names())
async def test_messy_lists_are_applied_and_undone_exactly(lists: Lists, pool: Pool, name: str) -> None:
    """Each sample enters what its expected results say, unless the register itself has a reason against a row; undone,
    the register is as before."""
    expected = samples.expected(name)
    former, told = await register(pool, closed=False), await events(pool)
    sent = await lists.send(samples.sample(name), name, **CENTRE)
    assert sent["state"] == "checked", sent
    rows = {row["number"]: row for row in await lists.rows(sent["import_id"], **CENTRE)}
    for row in expected["rows"]:
        faults = {code for _, code in row.get("faults", ())}
        assert {fault["code"] for fault in rows[row["row"]]["faults"]} >= faults
        if "draft" not in row or row["draft"] is None:
            assert rows[row["row"]]["result"] in ("error", "ignored")
    counts = Counter(sent["counts"])
    assert sum(counts.values()) == len(expected["rows"]) == sent["row_count"]
    applied = await lists.step(sent["import_id"], "application", **CENTRE)
    assert applied["state"] == "applied"
    assert await events(pool) == told + counts["new"] + counts["changed"]
    assert len(await register(pool, closed=False)) - len(former) <= counts["new"]
    repeated = await lists.send(samples.sample(name), name, **CENTRE)
    assert repeated["counts"].get("changed", 0) + repeated["counts"].get("new", 0) == 0
    await lists.step(sent["import_id"], "undo", **CENTRE)
    assert await register(pool, closed=False) == former


async def test_hours_that_cannot_be_read_end_the_former_ones(lists: Lists, place: Place) -> None:
    """A place has no hours beside a note that says others; an empty cell leaves them."""
    titles = (*TITLES, "เวลาทำการ")
    cells = {"ศูนย์เวลาใหม่": "อังคารต้นเดือน 13.00-16.00 น.", "ศูนย์ไม่บอกวัน": "9.00-12.00 น.", "ศูนย์เวลาเดิม": ""}
    for name in cells:
        body = place(name=name, kind="waiting_centre")
        assert (await lists.client.post("/v1/facilities", json=body)).status_code == 201
    rows = [(name, "ศูนย์พักคอย", "500101", 200, 12, cell) for name, cell in cells.items()]
    sent = await lists.send(listed(*rows, titles=titles))
    assert sent["counts"] == {"changed": 2, "unchanged": 1}
    changed = await lists.rows(sent["import_id"], "?result=changed")
    assert [
        {change["field"]: change["after"] for change in row["changes"] if change["field"].startswith("hours")}
        for row in changed
    ] == [{"hours": [], "hours_note": cell} for cell in cells.values() if cell]


async def test_an_old_list_confirms_as_of_its_day(lists: Lists, clock: MovableClock) -> None:
    """Three weeks ago by its own column: what it says of a place that was confirmed since is no confirmation."""
    titles = (*TITLES, "ข้อมูล ณ วันที่")
    rows = [("ศูนย์มีวันที่", "ศูนย์พักคอย", "500101", 20, 1, "17 มกราคม 2565")]
    sent = await lists.send(listed(*rows, titles=titles))
    await lists.step(sent["import_id"], "application")
    (row,) = await lists.rows(sent["import_id"])
    address = f"/v1/facilities/{row['facility_id']}"
    entered = (await lists.client.get(address)).json()
    assert (entered["confirmed_at"], entered["overdue"]) == ("2022-01-17T17:00:00Z", True)
    confirmed = (await lists.client.post(f"{address}/confirmation")).json()
    again = await lists.send(listed(*rows, titles=titles) + b"\n")
    await lists.step(again["import_id"], "application", "?confirm=true")
    assert (await lists.client.get(address)).json()["confirmed_at"] == confirmed["confirmed_at"]


async def test_columns_are_confirmed_or_changed(lists: Lists) -> None:
    file = listed(("ศูนย์หนึ่ง", "500101", "ก"), ("ศูนย์สอง", "500102", "ข"), titles=("ชื่อสถานที่", "รหัสตำบล", "อะไรก็ไม่รู้"))
    sent = await lists.send(file)
    assert (sent["failure"], sent["guess"]["missing"]) == ("columns_missing", ["kind"])
    assert (
        "คอลัมน์"
        in (await lists.client.get(f"/v1/imports/{sent['import_id']}", headers={"Accept-Language": "th"})).json()[
            "message"
        ]
    )
    address = f"/v1/imports/{sent['import_id']}/columns"
    told = {"places": {"name": 0, "area": 1}, "defaults": {"kind": "ศูนย์พักคอย"}}
    answer = await lists.client.put(address, json=told)
    assert answer.status_code == 202, answer.text
    checked = await lists.done(sent["import_id"])
    assert (checked["failure"], checked["counts"]) == (None, {"new": 2})
    assert checked["columns"] == told
    for bad in ({"places": {"nmae": 0}}, {"places": {"name": -1}}, {}):
        assert (await lists.client.put(address, json=bad)).status_code == 400
    wrong = await lists.client.put(address, json={"places": {"name": 40}, "defaults": {}})
    assert wrong.status_code == 202
    assert (await lists.done(sent["import_id"]))["failure"] == "no_such_column"


async def test_files_that_are_none(lists: Lists) -> None:
    for file, name, failure in (
        (b"PK\x03\x04 no workbook", "a.xlsx", "not_a_workbook"),
        (b"%PDF-1.4", "a.csv", "other_kind"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "a.xls", "old_workbook"),
        (b"a,b\n1,2\n", "a.csv", "no_header"),
    ):
        sent = await lists.send(file, name)
        assert (sent["state"], sent["failure"]) == ("failed", failure)
        assert sent["message"]
    empty = await lists.client.post("/v1/imports?name=a.csv")
    assert [error["code"] for error in empty.json()["errors"]] == ["empty_file"]
    large = await lists.client.post("/v1/imports?name=a.csv", content=b"x" * (30 * 2**20 + 1))
    assert large.status_code == 413


async def test_who_sees_an_import(lists: Lists) -> None:
    sent = await lists.send(listed(("ศูนย์ของใคร", "ศูนย์พักคอย", "500101", 20, 1)))
    address = f"/v1/imports/{sent['import_id']}"
    for token, status in (
        ("place_officer@50", 200),
        ("province_administrator@50", 200),
        ("central_administrator@", 200),
        ("subdistrict_coordinator@500101", 404),  # an import of the whole province is not his
        ("province_administrator@10", 404),
        ("volunteer@50", 403),
    ):
        assert (await lists.client.get(address, headers={"Authorization": f"Bearer {token}"})).status_code == status
    page = (await lists.client.get("/v1/imports")).json()
    assert sent["import_id"] in {one["import_id"] for one in page["items"]}
    same = await lists.client.post("/v1/imports?name=b.csv", content=listed(("ศูนย์ของใคร", "ศูนย์พักคอย", "500101", 20, 1)))
    assert same.json()["import_id"] == sent["import_id"]


async def test_an_officer_goes_on_with_no_list_of_a_coordinator(lists: Lists) -> None:
    """Also not of his own organisation: by it he would change what he may not."""
    sent = await lists.send(listed(("ศูนย์ของผู้ว่า", "ศูนย์พักคอย", "500101", 20, 1)), **ADMINISTRATOR)
    address = f"/v1/imports/{sent['import_id']}"
    assert (await lists.client.get(address, headers=OFFICER)).status_code == 404
    assert (await lists.client.post(f"{address}/application", headers=OFFICER)).status_code == 404
    assert sent["import_id"] not in {
        one["import_id"] for one in (await lists.client.get("/v1/imports", headers=OFFICER)).json()["items"]
    }
    assert (await lists.client.get(address, headers=ADMINISTRATOR)).json()["state"] == "checked"


async def test_a_sender_s_imports_are_bounded(lists: Lists) -> None:
    headers = {"Authorization": "Bearer place_officer@5003"}
    answers = [
        await lists.client.post(f"/v1/imports?name={number}.csv", content=b"%d" % number, headers=headers)
        for number in range(MOST_WAITING + 1)
    ]
    assert [answer.status_code for answer in answers] == [202] * MOST_WAITING + [429]
    while await lists.importer.once():
        pass


def dying(real: Callable[..., Any], left: Iterator[int]) -> Callable[..., Any]:
    """A write that is the worker's last when nothing is `left`, as by a kill: nothing of it is caught."""

    async def written(*given: Any, **named: Any) -> Any:
        if next(left) <= 0:
            raise SystemExit
        return await real(*given, **named)

    return written


@pytest.mark.parametrize("step", ["check", "apply", "undo"])
async def test_a_worker_that_dies_between_two_writes_is_followed_by_another(
    lists: Lists, pool: Pool, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Cut off at each of its writes in turn, the import is in the end what it is without."""
    monkeypatch.setattr(checking, "CHUNK", 3)
    monkeypatch.setattr(applying, "MOST_AT_ONCE", 3)
    file = listed(*((f"ศูนย์ {step} {uuid4()}", "ศูนย์พักคอย", "500101", 20, number) for number in range(8)))
    former = await register(pool, closed=False)
    answer = await lists.client.post("/v1/imports?name=a.csv", content=file)
    import_id = answer.json()["import_id"]
    if step != "check":
        await lists.done(import_id)
        await lists.client.post(f"/v1/imports/{import_id}/application")
    if step == "undo":
        await lists.done(import_id)
        await lists.client.post(f"/v1/imports/{import_id}/undo")
    told = await events(pool)
    died = 0
    for after in range(MOST_ATTEMPTS - 1):
        left = count(after, -1)
        with monkeypatch.context() as patched:
            for module, name in (
                (imports, "hold"),
                (imports, "lock"),
                (places, "insert"),
                (places, "update"),
                (imports, "settle"),
            ):
                patched.setattr(module, name, dying(getattr(module, name), left))
            try:
                await lists.importer.once()
            except SystemExit:
                died += 1
        assert await lists.importer.once() is False  # nobody else has it before its lease has ended
        clock.advance(LEASE + timedelta(seconds=1))
    assert died == MOST_ATTEMPTS - 1
    finished = await lists.done(import_id)
    states = {"check": "checked", "apply": "applied", "undo": "undone"}
    assert (finished["state"], finished["counts"]) == (states[step], {"new": 8})
    assert await events(pool) == told + {"check": 0, "apply": 8, "undo": 8}[step]
    names = Counter(one["name"] for one in (await register(pool, closed=False)).values())
    assert len(await register(pool, closed=False)) == len(former) + (8 if step == "apply" else 0)
    assert max(names[name] for name in names if step in name) == 1 if step == "apply" else True


async def test_of_two_workers_one_has_an_import(lists: Lists, pool: Pool, clock: MovableClock) -> None:
    await lists.client.post("/v1/imports?name=a.csv", content=listed(("ศูนย์เดียว", "ศูนย์พักคอย", "500101", 20, 1)))
    claimed = await asyncio.gather(*(_claim(pool, clock) for _ in range(5)))
    (mine,) = [one for one in claimed if one is not None]
    clock.advance(LEASE + timedelta(seconds=1))
    assert await lists.importer.once()
    async with acquire(pool) as connection:
        with pytest.raises(imports.Fenced):
            await imports.hold(connection, mine, 1, clock.now())


async def test_a_worker_that_wakes_after_others_have_done_all_changes_nothing(
    lists: Lists, pool: Pool, clock: MovableClock
) -> None:
    """It slept through its lease, another's check, and the application that was asked for then."""
    file = listed(("ศูนย์หลับยาว", "ศูนย์พักคอย", "500101", 20, 1))
    import_id = (await lists.client.post("/v1/imports?name=a.csv", content=file)).json()["import_id"]
    mine = await _claim(pool, clock)
    assert mine is not None
    clock.advance(LEASE + timedelta(seconds=1))
    assert (await lists.done(import_id))["state"] == "checked"
    applied, rows = await lists.step(import_id, "application"), await lists.rows(import_id)
    assert (applied["state"], len(rows)) == ("applied", 1)
    with pytest.raises(imports.Fenced):
        await checking.check(pool, mine, clock)
    async with acquire(pool) as connection:
        for write in (
            imports.lock(connection, mine),
            imports.hold(connection, mine, 0, clock.now()),
            imports.settle(connection, mine, imports.State.FAILED, clock.now()),
        ):
            with pytest.raises(imports.Fenced):
                await write
    assert (await lists.done(import_id), await lists.rows(import_id)) == (applied, rows)


async def _claim(pool: Pool, clock: MovableClock) -> imports.Import | None:
    async with acquire(pool) as connection:
        return await imports.claim(connection, clock.now())
