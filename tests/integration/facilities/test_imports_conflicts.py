"""Lists that would let a place or a code stand twice, or change what is another's."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.facilities.importer import Importer
from shared.observability.clock import MovableClock
from tests.integration.facilities.conftest import subject
from tests.integration.facilities.test_imports import (
    ADMINISTRATOR,
    CENTRE,
    TITLES,
    Lists,
    Place,
    Pool,
    listed,
    register,
)

CODED = (*TITLES, "รหัสสถานพยาบาล")


@pytest.fixture
def lists(client: httpx.AsyncClient, pool: Pool, clock: MovableClock) -> Lists:
    """Lists, and a worker that works when it is told to."""
    return Lists(client, Importer(pool, clock))


async def faults(lists: Lists, import_id: str, **headers: str) -> list[tuple[int, str, str]]:
    """Row, cell and code of all faults."""
    rows = await lists.rows(import_id, **headers)
    return [(row["number"], fault["cell"], fault["code"]) for row in rows for fault in row["faults"]]


@pytest.mark.parametrize("code", [None, "00781"])
async def test_of_two_lists_of_one_place_the_second_enters_it_no_more(
    lists: Lists, pool: Pool, code: str | None
) -> None:
    """Both were checked before either was applied."""
    name = f"โรงพยาบาลสองรายการ {code}"
    one = await lists.send(listed((name, "โรงพยาบาล", "500101", 20, 1, code), titles=CODED))
    file = listed(
        (f"{name} ชื่ออื่น" if code else name, "โรงพยาบาล", "500101", 20, 1, code),
        (f"โรงพยาบาลรายการเดียว {code}", "โรงพยาบาล", "500101", 20, 1, None),
        titles=CODED,
    )
    other = await lists.send(file, **ADMINISTRATOR)
    assert (one["counts"], other["counts"]) == ({"new": 1}, {"new": 2})
    assert (await lists.step(one["import_id"], "application"))["state"] == "applied"
    former = await register(pool)
    refused = await lists.step(other["import_id"], "application", **ADMINISTRATOR)
    assert (refused["state"], refused["failure"]) == ("checked", "changed_meanwhile")
    assert refused["counts"] == {"changed_meanwhile": 1, "new": 1}
    assert await register(pool) == former
    applied = await lists.step(other["import_id"], "application", "?partial=true", **ADMINISTRATOR)
    assert (applied["state"], len(await register(pool))) == ("applied", len(former) + 1)


async def test_a_code_that_was_given_meanwhile(lists: Lists, place: Place) -> None:
    """To another place by its own officer, before a list that changes a place gives it this code."""
    body = place(name="โรงพยาบาลได้รหัส", kind="hospital")
    assert (await lists.client.post("/v1/facilities", json=body)).status_code == 201
    sent = await lists.send(listed(("โรงพยาบาลได้รหัส", "โรงพยาบาล", "500101", 200, 12, "00782"), titles=CODED))
    assert sent["counts"] == {"changed": 1}
    other = place(name="โรงพยาบาลเร็วกว่า", kind="hospital", official_code="00782")
    assert (await lists.client.post("/v1/facilities", json=other)).status_code == 201
    refused = await lists.step(sent["import_id"], "application")
    assert (refused["state"], refused["counts"]) == ("checked", {"changed_meanwhile": 1})


async def test_a_code_of_a_place_elsewhere_is_in_use(lists: Lists, place: Place) -> None:
    """Also where the sender may not write; a place that shares its code rightly keeps it."""
    centre = place(name="โรงพยาบาลกรุงเทพ", area="100101", kind="hospital", official_code="00783", position=None)
    assert (await lists.client.post("/v1/facilities", json=centre, headers=CENTRE)).status_code == 201
    shares = place(name="โรงพยาบาลสาขา", kind="hospital", official_code="00783", shared_code=True)
    assert (await lists.client.post("/v1/facilities", json=shares)).status_code == 201
    known = place(name="โรงพยาบาลเปลี่ยนรหัส", kind="hospital", official_code="00784")
    address = "/v1/facilities/" + (await lists.client.post("/v1/facilities", json=known)).json()["facility_id"]
    titles = ["facility_id", *CODED]
    rows = [
        (None, "โรงพยาบาลสาขา", "โรงพยาบาล", "500101", 200, 9, "00783"),
        (address.rpartition("/")[2], "โรงพยาบาลเปลี่ยนรหัส", "โรงพยาบาล", "500101", 200, 12, "00783"),
        (None, "โรงพยาบาลใหม่", "โรงพยาบาล", "500102", 20, 1, "00785"),
        (None, "โรงพยาบาลใหม่กว่า", "โรงพยาบาล", "500102", 20, 1, "00785"),
        (None, "จุดฉีดในโรงพยาบาล", "จุดฉีดวัคซีน", "500101", None, None, "00783"),
    ]
    sent = await lists.send(listed(*rows, titles=titles))
    assert await faults(lists, sent["import_id"]) == [(3, "G3", "code_in_use"), (5, "B5", "repeated_row")]
    assert sent["counts"] == {"changed": 1, "error": 2, "new": 2}
    told = (await lists.rows(sent["import_id"], "?result=error"))[0]["faults"][0]["message"]
    assert told.startswith("This code is that of โรงพยาบาล")


async def test_of_places_with_one_code_a_row_is_about_the_one_of_its_name(lists: Lists, place: Place) -> None:
    for name in ("ก", "ข", "ค"):
        body = place(name=f"โรงพยาบาลร่วมรหัส {name}", kind="hospital", official_code="00786", shared_code=True)
        assert (await lists.client.post("/v1/facilities", json=body)).status_code == 201
    rows = [(f"โรงพยาบาลร่วมรหัส {name}", "โรงพยาบาล", "500101", 200, 12, "00786") for name in ("ค", "ก", "ข")]
    assert (await lists.send(listed(*rows, titles=CODED)))["counts"] == {"unchanged": 3}


async def test_what_another_organisation_keeps(lists: Lists, pool: Pool, place: Place) -> None:
    """An officer's list does not change it; a coordinator's does."""
    ids = {}
    for name, organisation in (("ของเรา", UUID(int=7)), ("ของเขา", UUID(int=8))):
        body = place(name=f"ศูนย์{name}", kind="waiting_centre", organisation_id=str(organisation))
        answer = await lists.client.post("/v1/facilities", json=body, headers=ADMINISTRATOR)
        ids[name] = answer.json()["facility_id"]
    file = listed(*((f"ศูนย์{name}", "ศูนย์พักคอย", "500101", 200, 50) for name in ids))
    sent = await lists.send(file)
    assert sent["counts"] == {"changed": 1, "error": 1}
    assert [code for _, _, code in await faults(lists, sent["import_id"])] == ["other_organisation"]
    assert (await lists.send(file, **ADMINISTRATOR))["counts"] == {"changed": 2}


async def test_an_officer_gives_no_place_to_another_organisation(lists: Lists, place: Place) -> None:
    """Neither his own nor a new one; a coordinator does."""
    own, other = (str(UUID(int=number)) for number in (7, 8))
    body = place(name="ศูนย์ที่จะยกให้", kind="waiting_centre")
    assert (await lists.client.post("/v1/facilities", json=body)).json()["organisation_id"] == own
    rows = [
        ("ศูนย์ที่จะยกให้", "ศูนย์พักคอย", "500101", 200, 12, other),
        ("ศูนย์ใหม่ของเขา", "ศูนย์พักคอย", "500102", 20, 1, other),
        ("ศูนย์ใหม่ของเรา", "ศูนย์พักคอย", "500102", 20, 1, own),
        ("ศูนย์ใหม่ไม่บอก", "ศูนย์พักคอย", "500102", 20, 1, None),
    ]
    file = listed(*rows, titles=(*TITLES, "organisation_id"))
    sent = await lists.send(file)
    assert await faults(lists, sent["import_id"]) == [(2, "F2", "other_organisation"), (3, "F3", "other_organisation")]
    assert sent["counts"] == {"error": 2, "new": 2}
    assert (await lists.send(file, **ADMINISTRATOR))["counts"] == {"changed": 1, "new": 3}


async def test_history_names_who_applied_and_who_undid(lists: Lists, revisions: Callable[[str], Any]) -> None:
    sent = await lists.send(listed(("ศูนย์ของผู้ส่ง", "ศูนย์พักคอย", "500101", 20, 1)))
    assert sent["asked_by"] == sent["sent_by"] == str(subject("place_officer@50"))
    applied = await lists.step(sent["import_id"], "application", **ADMINISTRATOR)
    assert (applied["sent_by"], applied["asked_by"]) == (sent["sent_by"], str(subject("province_administrator@50")))
    await lists.step(sent["import_id"], "undo", **CENTRE)
    (row,) = await lists.rows(sent["import_id"])
    assert await revisions(row["facility_id"]) == [
        (subject("province_administrator@50"), "province_administrator"),
        (subject("central_administrator@"), "central_administrator"),
    ]


async def test_undoing_leaves_a_code_that_was_given_away_since(lists: Lists, pool: Pool, place: Place) -> None:
    """The list took it from a place; its officer has given it to another one meanwhile."""
    body = place(name="โรงพยาบาลเสียรหัส", kind="hospital", official_code="00787")
    address = "/v1/facilities/" + (await lists.client.post("/v1/facilities", json=body)).json()["facility_id"]
    rows = [
        (address.rpartition("/")[2], "โรงพยาบาลเสียรหัส", "โรงพยาบาล", "500101", 200, 12, "00788"),
        (None, "โรงพยาบาลในรายการเดียวกัน", "โรงพยาบาล", "500102", 20, 1, "00789"),
    ]
    sent = await lists.send(listed(*rows, titles=["facility_id", *CODED]))
    assert (await lists.step(sent["import_id"], "application"))["state"] == "applied"
    heir = place(name="โรงพยาบาลรับรหัส", kind="hospital", official_code="00787")
    assert (await lists.client.post("/v1/facilities", json=heir)).status_code == 201
    undone = await lists.step(sent["import_id"], "undo")
    assert (undone["state"], undone["counts"]) == ("undone", {"changed_since": 1, "new": 1})
    assert (await lists.client.get(address)).json()["official_code"] == "00788"
    open_with = "SELECT name FROM facility WHERE official_code = '00787' AND status <> 'closed'"
    assert [row["name"] for row in await pool.fetch(open_with)] == ["โรงพยาบาลรับรหัส"]


async def test_undoing_leaves_a_place_into_which_another_was_merged_since(lists: Lists, place: Place) -> None:
    """Both would be closed; one that was parted again has nothing to lose."""
    names = ("ศูนย์รับรวม", "ศูนย์รับรวมแล้วแยก", "ศูนย์ไม่มีใครรวม")
    sent = await lists.send(listed(*((name, "ศูนย์พักคอย", "500101", 20, 1) for name in names)))
    await lists.step(sent["import_id"], "application")
    entered = [f"/v1/facilities/{row['facility_id']}" for row in await lists.rows(sent["import_id"])]
    for number, address in enumerate(entered[:2]):
        body = place(name=f"ศูนย์เดิม {number}", kind="waiting_centre")
        former = "/v1/facilities/" + (await lists.client.post("/v1/facilities", json=body)).json()["facility_id"]
        into = {"into": address.rpartition("/")[2]}
        merger = await lists.client.post(f"{former}/merger", json=into, headers={"If-Match": '"1"'})
        assert merger.status_code == 200, merger.text
    parted = await lists.client.delete(f"{former}/merger", headers={"If-Match": '"2"'})
    assert parted.status_code == 200, parted.text
    undone = await lists.step(sent["import_id"], "undo")
    assert (undone["state"], undone["counts"]) == ("undone", {"changed_since": 1, "new": 2})
    states = [(await lists.client.get(address)).json()["status"] for address in entered]
    assert states == ["open", "closed", "closed"]


@pytest.fixture
def revisions(pool: Pool) -> Callable[[str], Any]:
    """Who made the revisions of a place, and in which role."""

    async def found(facility_id: str) -> list[tuple[UUID, str]]:
        query = "SELECT changed_by, role FROM facility_revision WHERE facility_id = $1 ORDER BY revision"
        return [tuple(row) for row in await pool.fetch(query, UUID(facility_id))]

    return found
