"""The form as it is checked in, and what is read from it once it is filled."""

import csv
import io
from pathlib import Path
from typing import Any, Final, get_args
from uuid import UUID

import msgspec
import openpyxl
import pytest

from services.survey.openrosa import form, making, serving
from services.survey.openrosa.form import CHOICES, QUESTIONS, place_of
from services.survey.openrosa.reading import MAX_DEPTH, MAX_ELEMENTS, read_form
from services.survey.submission import Risk, Vaccine, read_submission
from shared.areas.register import subdistricts
from shared.contracts.events import Reason
from shared.web.problems import Problem
from tests.integration.survey.openrosa.forms import END, START, filled

PAGE: Final = Path(__file__).parents[3] / "docs" / "openrosa.md"
DOSES: Final = [{"date": "2021-08-01", "vaccine": "511"}, {}, {"vaccine": "208"}]


def read(xml: bytes) -> dict[str, Any]:
    """The submission of a filled form."""
    return dict(msgspec.json.decode(read_form(xml)))


def test_what_is_checked_in_is_what_the_table_says() -> None:
    workbook = making.xlsform()
    assert making.XLSFORM_FILE.read_bytes() == workbook, "run python -m services.survey.openrosa.making"
    assert serving.XFORM_FILE.read_text(encoding="utf-8") == making.xform(workbook)


def test_the_workbook_is_an_xlsform_in_both_languages() -> None:
    book = openpyxl.load_workbook(making.XLSFORM_FILE)
    assert book.sheetnames == ["survey", "choices", "settings"]
    header = [cell.value for cell in book["survey"][1]]
    assert {"label::ไทย (th)", "label::English (en)"} <= set(header)
    for each in QUESTIONS:
        for message in (each.label, each.hint, each.says):
            assert message is None or (message.th and message.en)


def test_the_choices_are_those_that_a_submission_takes() -> None:
    assert tuple(choice.name for choice in CHOICES["risks"]) == get_args(Risk)
    assert tuple(choice.name for choice in CHOICES["vaccines"]) == get_args(Vaccine)
    assert [choice.name for choice in CHOICES["reasons"]] == list(Reason)
    for name in ("sex", "wants", "provinces"):
        field = {"sex": "sex", "wants": "wants_vaccine", "provinces": "registered_area"}[name]
        for choice in CHOICES[name]:
            person = {"age": "5", field: choice.name}
            assert getattr(read_submission(read_form(filled(persons=[person]))).persons[0], field) == choice.name


def test_words_without_a_choice_are_noticed() -> None:
    with pytest.raises(ValueError, match="cost"):
        form._choices(("side_effects",), {"cost": form.TITLE})


def test_the_version_changes_with_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    before = form.version()
    monkeypatch.setattr(form, "QUESTIONS", form.QUESTIONS[:-1])
    assert form.version() != before


@pytest.mark.parametrize("area", ["500101", "5001", "50", "10", ""])
def test_the_subdistricts_of_an_area_are_listed(area: str) -> None:
    rows = list(csv.DictReader(io.StringIO(serving.areas(area).content.decode())))
    assert [row["name"] for row in rows] == [each.code for each in subdistricts(area)]
    assert all(row["name"].startswith(area) and row["name"] in row["label"] for row in rows)


def test_a_filled_form_is_a_submission() -> None:
    submission = read(
        filled(
            instance_id="uuid:6f9b1a52-0000-4000-8000-000000000001",
            notice_version="2022-01",
            moo="3",
            unit="2",
            position="18.7883 98.9853 310.0 12.5",
            contact_name="สมหญิง & บุตร",
            contact_phone="0812345678",
            persons=[
                {
                    "name": "ก",
                    "age_by": "birth_year",
                    "birth_year": "2495",
                    "sex": "f",
                    "national_id": "1101700230704",
                    "national_id_as_shown": "yes",
                    "registered_area": "51",
                    "risks": "age_60 diabetes",
                    "dose_count": "3",
                    "doses": DOSES,
                    "wants_vaccine": "yes",
                    "reasons": "hard_to_reach cost",
                    "home_visit": "yes",
                },
                {"age": "4", "dose_count": "0", "home_visit": "no"},
            ],
        )
    )
    assert submission == {
        "submission_id": "6f9b1a52-0000-4000-8000-000000000001",
        "captured_at": "2022-02-05T09:00:00+07:00",
        "address": {"area": "500101", "village": "50010103", "house": "99/1", "unit": "2"},
        "notice": "2022-01",
        "position": {"lat": 18.7883, "lon": 98.9853, "accuracy_m": 12.5},
        "contact": {"name": "สมหญิง & บุตร", "phone": "0812345678"},
        "persons": [
            {
                "name": "ก",
                "birth_year": 2495,
                "sex": "f",
                "national_id": "1101700230704",
                "national_id_as_shown": True,
                "registered_area": "51",
                "risks": ["age_60", "diabetes"],
                "doses": [
                    {"number": 1, "date": "2021-08-01", "vaccine": "511"},
                    {"number": 2},
                    {"number": 3, "vaccine": "208"},
                ],
                "wants_vaccine": "yes",
                "reasons": ["hard_to_reach", "cost"],
                "home_visit": True,
            },
            {"age": 4, "risks": [], "doses": [], "reasons": []},
        ],
    }
    assert read_submission(msgspec.json.encode(submission)).submission_id == UUID("6f9b1a52000040008000000000000001")


def test_what_was_too_many_once_the_number_was_lowered_is_left_out() -> None:
    persons: list[dict[str, Any]] = [{"age": "5", "dose_count": "1", "doses": DOSES}, {"age": "6"}]
    xml = filled(persons=persons).replace(b"<person_count>2<", b"<person_count>1<")
    [person] = read(xml)["persons"]
    assert [dose["number"] for dose in person["doses"]] == [1]


def test_what_is_no_number_is_left_to_intake() -> None:
    assert read(filled(persons=[{"age": "7x"}]))["persons"][0]["age"] == "7x"
    assert read(filled(moo="x"))["address"]["village"] == "5001010x"
    assert read(filled(position="north 98"))["position"]["lat"] == "north"
    assert read(filled(instance_id="uuid:7"))["submission_id"] == "7"
    assert "submission_id" not in read(filled().replace(b"instanceID", b"otherID"))


@pytest.mark.parametrize(
    ("start", "end", "captured_at"),
    [
        (START, END, START),
        (START, "", START),
        ("", END, END),
        ("1970-01-01T07:00:00.000+07:00", END, END),  # a device without a battery begins in 1970
        ("2023-01-01T07:00:00.000+07:00", END, END),  # its clock was put right while the form was open
        ("2022-02-05T02:00:00Z", "2022-02-05T02:05:00Z", "2022-02-05T02:00:00Z"),
        ("yesterday", END, END),
        ("yesterday", "today", "today"),  # intake says that it is none
    ],
)
def test_the_visit_is_when_the_form_was_begun_unless_that_cannot_be(start: str, end: str, captured_at: str) -> None:
    expected = captured_at.replace(".000", "").replace("Z", "+00:00")
    assert read(filled(start=start, end=end))["captured_at"] == expected


def test_a_position_by_hand_has_no_accuracy() -> None:
    assert read(filled(position="18.7 98.9 0.0 0.0"))["position"] == {"lat": 18.7, "lon": 98.9, "accuracy_m": None}
    assert read(filled(position="18.7 98.9"))["position"]["accuracy_m"] is None


BOMB: Final = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<data id="jitasa_household">&b;</data>"""
FILE: Final = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><data>&f;</data>"""
REMOTE: Final = b"""<?xml version="1.0"?><!DOCTYPE d SYSTEM "http://127.0.0.1:1/x.dtd"><data/>"""


@pytest.mark.parametrize(
    ("xml", "status", "code"),
    [
        (b"", 400, "malformed_xml"),
        (b"<data>", 400, "malformed_xml"),
        (b"not xml", 400, "malformed_xml"),
        (b"\xff\xfe<data/>", 400, "malformed_xml"),
        (b'<?xml version="1.0" encoding="klingon"?><data/>', 400, "malformed_xml"),
        (BOMB, 400, "xml_forbidden"),
        (FILE, 400, "xml_forbidden"),
        (REMOTE, 400, "xml_forbidden"),
        (b"<a>" * (MAX_DEPTH + 1), 400, "too_deep"),
        (b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>", 400, "too_deep"),
        (filled(form_id="other"), 404, "other_form"),
    ],
)
def test_what_is_no_form_of_ours_is_refused(xml: bytes, status: int, code: str) -> None:
    with pytest.raises(Problem) as refused:
        read_form(xml)
    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("persons[0].doses[1].date", "Person 1 · Dose 2 · Date, if known"),
        ("persons[2].national_id", "Person 3 · National id (optional)"),
        ("persons[0].risks[2]", "Person 1 · Risk group 608"),
        ("persons", "How many people live here?"),
        ("address.area", "Subdistrict"),
        ("address.village", "Village number (moo)"),
        ("contact.phone", "Mobile number"),
        ("position.lat", "Position of the house (optional)"),
        ("captured_at", "The device's clock"),
        ("", None),
        ("something.new", None),
    ],
)
def test_a_field_is_named_as_the_form_asks_it(path: str, words: str | None) -> None:
    place = place_of(path)
    assert (place.en if place else None) == words


def test_the_page_lists_every_question() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for each in QUESTIONS:
        if each.label is not None and each.type not in ("note", "begin_group", "begin_repeat"):
            assert each.label.th in text, each.name
            assert each.label.en in text, each.name
