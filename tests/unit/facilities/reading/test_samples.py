"""Lists as provinces send them: what is read of each is what stands beside it."""

from datetime import date
from typing import Any

import pytest

from services.facilities.http.bodies import FacilityBody
from services.facilities.reading import Form, Guess, Row, Table, drafts, guess, read_table
from services.facilities.reading.messages import CELLS
from shared.areas.districts import distance_km
from shared.tables.cells import letters_of
from shared.web.problems import Problem
from tests.samples import places
from tests.unit.facilities.reading.known_kinds import KINDS

TODAY = date(2022, 3, 7)


def read(name: str) -> tuple[Table, Guess, list[Row]]:
    table = read_table(places.sample(name), name)
    guessed = guess(table, KINDS)
    return table, guessed, list(drafts(table, guessed.columns, kinds=KINDS, today=TODAY))


def told(row: Row) -> dict[str, Any]:
    said: dict[str, Any] = {"row": row.number}
    if row.draft is not None:
        said["draft"] = dict(row.draft)
    for name, faults in (("faults", row.faults), ("notices", row.notices)):
        if faults:
            said[name] = [[fault.cell, fault.code] for fault in faults]
    if row.as_of:
        said["as_of"] = row.as_of.isoformat()
    return said


def test_there_are_samples_enough() -> None:
    assert len(places.names()) >= 12


@pytest.mark.parametrize("name", places.names())
def test_a_list_is_read_as_expected(name: str) -> None:
    table, guessed, rows = read(name)
    expected = places.expected(name)
    assert (table.header_row, table.sheet) == (expected["header_row"], expected["sheet"])
    called = table.titles if table.form is Form.GEOJSON else [letters_of(place) for place in range(50)]
    assert {field.value: called[place] for field, place in guessed.columns.places.items()} == expected["columns"]
    assert {field.value: text for field, text in guessed.columns.defaults.items()} == expected["defaults"]
    assert [told(row) for row in rows] == expected["rows"]


@pytest.mark.parametrize("name", places.names())
def test_every_fault_is_said_in_both_languages_and_names_its_column(name: str) -> None:
    table, _, rows = read(name)
    for fault in (fault for row in rows for fault in (*row.faults, *row.notices)):
        assert fault.code in CELLS
        assert fault.th
        assert fault.en
        assert "{" not in fault.th + fault.en
        assert fault.column in ("", *table.titles)


@pytest.mark.parametrize("name", places.names())
def test_what_is_good_in_the_samples_lies_where_it_says(name: str) -> None:
    for row in places.expected(name)["rows"]:
        draft = row.get("draft", {})
        if position := draft.get("position"):
            assert distance_km(draft["area"][:4], position["lat"], position["lon"]) < 1, row["row"]


def test_every_sentence_is_said_of_some_cell_of_the_samples() -> None:
    said = {fault.code for name in places.names() for row in read(name)[2] for fault in (*row.faults, *row.notices)}
    elsewhere = {"too_long", "outside_import_area", "not_days"}  # test_columns, test_hours
    assert set(CELLS) - elsewhere == said


REFUSED = {
    ("03-lampang-merged.xlsx", 9): {("free", "more_than_capacity")},
    ("09-chonburi-english.csv", 4): {("contact.website", "wrong_form")},
}
"""What the register itself refuses of a draft that was read well."""


@pytest.mark.parametrize("name", places.names())
def test_the_register_takes_every_draft_that_is_good(name: str) -> None:
    known = {kind.kind: kind for kind in KINDS}
    for row in read(name)[2]:
        if row.draft is None or row.draft.get("facility_id"):
            continue
        found: set[tuple[str, str]] = set()
        try:
            FacilityBody.model_validate(row.draft).content(known)
        except Problem as problem:
            found = {(error.path, error.code) for error in problem.errors}
        assert found == REFUSED.get((name, row.number), set())
