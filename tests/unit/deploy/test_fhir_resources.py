"""FHIR made of events alone is what the services make of what they know, but for the names of areas."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.subscriber.adapters import fhir_bulk
from deploy.subscriber.adapters.fhir_resources import location, measure_report
from deploy.subscriber.adapters.following import Book
from deploy.subscriber.adapters.monthly import FIGURES, Standing
from services.facilities.domain.events import event
from services.facilities.domain.kinds import STANDARD
from services.facilities.domain.places import (
    Change,
    Contact,
    Content,
    DayException,
    Facility,
    Holidays,
    Hours,
    Position,
    Span,
)
from services.facilities.http.fhir.locations import location_of
from services.reporting.answers import Figures, coverage_row, unknown
from services.reporting.interchange.fhir.measures import SURVEY
from services.reporting.interchange.fhir.reports import report
from services.reporting.interchange.months import month_of
from shared.areas.register import area
from shared.contracts.events import Day, FacilityChange, FacilityKind, FacilityStatus

NOW = datetime(2022, 2, 7, 2, 0, 1, 5000, tzinfo=UTC)
PLACE = Facility(UUID(int=5), Content(FacilityKind.HOSPITAL, "โรงพยาบาล", "500101"), 3, NOW, NOW, NOW)
FULL = replace(
    PLACE.content,
    official_code="10713",
    position=Position(18.79, 98.98),
    capacity=30,
    free=4,
    contact=Contact("053000000", "a@example.go.th", "https://example.go.th"),
    hours=(
        Hours((Day("mon"), Day("sun")), "08:30", "16:30"),
        Hours((Day("tue"),), "00:00", "24:00"),
        Hours((Day("sat"), Day("sun")), "20:00", "02:00"),
        Hours((Day("fri"),), "20:00", "24:00"),
        Hours((Day("thu"),), "20:00", "00:00"),
    ),
    exceptions=(
        DayException(date(2022, 4, 13), note="สงกรานต์"),
        DayException(date(2022, 4, 14), (Span("09:00", "12:00"),)),
    ),
    holidays=Holidays.CLOSED,
    hours_note="ปิดเที่ยง",
)
PLACES = [
    PLACE,
    *(replace(PLACE, content=replace(FULL, kind=kind)) for kind in STANDARD),
    *(replace(PLACE, content=replace(FULL, status=status)) for status in FacilityStatus),
    replace(PLACE, content=replace(FULL, free=0, holidays=Holidays.OPEN)),
    replace(PLACE, content=replace(FULL, free=None)),
    replace(PLACE, content=replace(FULL, status=FacilityStatus.CLOSED), merged_into=UUID(int=6)),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_location_is_the_one_of_facilities(place: Facility) -> None:
    """Of every kind and status, with all there is and with nothing."""
    told = event(Change(FacilityChange.UPDATED, None, place), UUID(int=1)).model_dump(mode="json")
    wanted = location_of(place, STANDARD)
    names = ("text", "city", "_city", "district", "_district", "state", "_state")
    wanted["address"] = {name: value for name, value in wanted["address"].items() if name not in names}
    assert location(told) == wanted


def reported(figures: dict[str, int], today: date) -> dict[str, Any]:
    """What reporting tells of the same figures."""
    whole = unknown("population")
    row = coverage_row(area("500101"), Figures(**figures), {}, whole, suppressed=False)
    found = report(SURVEY, row, whole, month_of("2022-02", today), None)
    del found["subject"]["display"]
    return found


@pytest.mark.parametrize("today", [date(2022, 2, 7), date(2022, 2, 28), date(2022, 3, 9)])
@pytest.mark.parametrize("persons", [0, 30])
def test_a_report_is_the_one_of_reporting(today: date, persons: int) -> None:
    """Of a month that is over and one that is not; of nobody, too."""
    counts = [2, 1, persons, *(persons // number for number in range(2, 6)), *(persons // 7 for _ in FIGURES[7:])]
    standing = Standing("500101", "202202", tuple(counts))
    assert measure_report(standing, today) == reported(dict(zip(FIGURES, counts, strict=True)), today)


def test_an_export_that_was_cut_off_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its last file; the next one is whole, and nothing of the first is in it."""
    book, folder, write = Book(tmp_path / "kept.sqlite", fhir_bulk.TABLES), tmp_path / "2022-02-07", fhir_bulk._write

    def cut_off(path: Path, lines: list[str]) -> int:
        if path.name == "manifest.json":
            raise KeyboardInterrupt
        (path.parent / "of-the-first").touch()
        return write(path, lines)

    with monkeypatch.context() as patched:
        patched.setattr(fhir_bulk, "_write", cut_off)
        with pytest.raises(KeyboardInterrupt):
            fhir_bulk.export(book, folder, "https://files.example.go.th/x", date(2022, 2, 7), NOW)
    assert not folder.exists()
    fhir_bulk.export(book, folder, "https://files.example.go.th/x", date(2022, 2, 7), NOW)
    assert {path.name for path in folder.iterdir()} == {"Location.ndjson", "MeasureReport.ndjson", "manifest.json"}
    book.connection.close()
