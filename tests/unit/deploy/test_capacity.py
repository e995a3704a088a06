"""What a campaign needs: the reckoning, its page and its picture."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deploy.capacity import (
    COUNTRY,
    CPU,
    CURVE,
    EVENT_BYTES,
    INTAKE_BYTES,
    MEMORY,
    PLACES,
    RECORDER_RATE,
    STORED_BYTES,
    main,
    needs,
    surge,
    table,
)
from deploy.surge_picture import drawn
from shared.contracts.topics import SURVEY_INTAKE

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_more_households_and_fewer_days_need_more_and_nothing_less() -> None:
    small, large, fast = needs(1_000_000, 7, 10), needs(10_000_000, 7, 10), needs(10_000_000, 3, 10)
    for less, more in ((small, large), (large, fast)):
        assert more.rate > less.rate
        assert sum(more.processors.values()) > sum(less.processors.values())
        assert more.postgres_disk >= less.postgres_disk
    assert large.postgres_disk == pytest.approx(10 * small.postgres_disk)
    assert needs(1, 7, 10).brokers == 1
    assert needs(COUNTRY, 0.05, 1).recorders > 1


def test_the_reckoning_by_hand() -> None:
    """The country in three days: 28 million / 3 * 0.3 / 3600 s, 32 us of intake each, half of a processor used."""
    found = needs(COUNTRY, 3, 10)
    assert found.rate == pytest.approx(777.8, abs=0.1)
    assert found.processors["survey http"] == pytest.approx(777.8 * 32e-6 / 0.5, rel=0.001)
    assert found.kafka_disk == pytest.approx(COUNTRY * (900 + 92) * 3 * 2)


@pytest.mark.parametrize(("households", "days", "hours"), [(0, 7, 10), (1, 0, 10), (1, 7, 0), (1, 7, 25)])
def test_what_is_no_campaign_is_refused(households: int, days: float, hours: float) -> None:
    with pytest.raises(ValueError, match="a campaign has"):
        needs(households, days, hours)
    with pytest.raises(SystemExit):
        main(["--households", str(households), "--days", str(days), "--hours", str(hours)])


def test_in_a_surge_nothing_is_lost_and_recorders_come_and_go() -> None:
    assert sum(CURVE) == pytest.approx(1)
    away = range(18 * 60, 19 * 60)
    minutes = list(surge(COUNTRY, 3, most=6, away=away))
    assert sum(each.came for each in minutes) == pytest.approx(COUNTRY)
    assert minutes[-1].lag == 0
    assert max(each.recorders for each in minutes) <= min(6, SURVEY_INTAKE.partitions)
    assert minutes[away.stop].recorders > 1
    assert minutes[-1].recorders == 1
    assert max(each.lag for each in minutes if each.number < away.start) == 0
    # What waits at the end of the outage is what came in it.
    assert minutes[away.stop - 1].lag == pytest.approx(COUNTRY / 3 * CURVE[18])
    alone = list(surge(COUNTRY, 3, most=1, away=away, scales=False))
    waiting = [sum(each.lag > 0 for each in run) for run in (minutes, alone)]
    assert waiting[0] < waiting[1]


def test_the_page_shows_what_the_command_answers_and_figures_stand_where_it_says() -> None:
    page = (DOCS / "capacity.md").read_text()
    for days in (7, 3):
        assert table([(name, needs(number, days, 10)) for name, number in PLACES.items()]) in page
    for figure in (*CPU.values(), RECORDER_RATE, INTAKE_BYTES, EVENT_BYTES, STORED_BYTES, MEMORY):
        assert f"{figure.value:,g} {figure.unit} | {figure.source}" in page
    measured = (DOCS / "performance.md").read_text()
    for told in ("survey-http 29 to 32", "PostgreSQL 23 to 28", "recorder 22 to 24", "projector 15 to 17", "Kafka 14"):
        assert told in measured
    for told in ("26,100 to 28,000/s", "653 B", "92 bytes an event", "1.3 GB"):
        assert told in measured
    assert re.search(r"5 million households stored \(8 GB of disk", (DOCS / "operations.md").read_text())


def test_the_picture_is_the_one_that_is_drawn() -> None:
    picture = (DOCS / "pictures" / "surge.svg").read_text()
    assert picture == drawn(COUNTRY)
    assert ElementTree.fromstring(picture).tag.endswith("svg")  # noqa: S314 - drawn above
