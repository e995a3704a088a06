"""Who may no longer act, and who has left a role, as the stream tells it in any order and number."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka.structs import ConsumerRecord

from shared.kafka import standing
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import TOKENS_OUTLIVED_SECONDS, BarredVolunteers

NOW = 1_644_030_000.0
PERSON = UUID(int=7)
DISTRICT, SUBDISTRICT = ("district_coordinator", "5001"), ("subdistrict_coordinator", "500101")


class Stream:
    """What is heard, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        password = folder / "password"
        password.write_text("x")
        settings = KafkaSettings(bootstrap="127.0.0.1:1", username="x", password_file=password)
        self.heard = BarredVolunteers(settings, now=lambda: self.now)

    def tell(self, revision: int, held: tuple[str, str], before: tuple[str, str] | None = None, **more: Any) -> None:
        """An event of the time `at`, by default now."""
        body: dict[str, Any] = {
            "volunteer_id": str(more.get("person", PERSON)),
            "status": more.get("status", "approved"),
            "revision": revision,
            "role": held[0],
            "area": held[1],
            "before": None if before is None else {"role": before[0], "area": before[1], "status": "approved"},
        }
        record = ConsumerRecord(
            topic="volunteer-registered",
            partition=0,
            offset=0,
            timestamp=int(more.get("at", self.now) * 1_000),
            timestamp_type=0,
            key=None,
            value=json.dumps(body).encode(),
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )
        self.heard.take(record)

    def left(self, held: tuple[str, str]) -> bool:
        """Whether the person has left a role."""
        return self.heard.has_left(PERSON, *held)


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    return Stream(tmp_path)


def test_a_role_is_left_until_its_tokens_have_expired(stream: Stream) -> None:
    stream.tell(1, DISTRICT)
    assert not stream.left(DISTRICT)
    stream.tell(2, SUBDISTRICT, DISTRICT)
    assert (stream.left(DISTRICT), stream.left(SUBDISTRICT)) == (True, False)
    stream.tell(2, SUBDISTRICT, DISTRICT)
    stream.tell(1, DISTRICT)  # late and again: the highest revision stands
    assert (stream.left(DISTRICT), stream.left(SUBDISTRICT)) == (True, False)
    stream.now += TOKENS_OUTLIVED_SECONDS
    assert not stream.left(DISTRICT)


def test_who_comes_back_to_a_role_holds_it(stream: Stream) -> None:
    stream.tell(2, SUBDISTRICT, DISTRICT)
    stream.tell(3, DISTRICT, SUBDISTRICT)
    assert (stream.left(DISTRICT), stream.left(SUBDISTRICT)) == (False, True)


def test_what_was_left_long_ago_is_not_kept(stream: Stream) -> None:
    stream.tell(2, SUBDISTRICT, DISTRICT, at=NOW - TOKENS_OUTLIVED_SECONDS)
    assert not stream.heard._left
    stream.tell(3, DISTRICT, SUBDISTRICT)
    stream.now += TOKENS_OUTLIVED_SECONDS
    stream.tell(2, SUBDISTRICT, DISTRICT, person=UUID(int=8))
    assert len(stream.heard._left) == 1


def test_what_is_kept_is_bounded(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST_LEFT", 3)
    for number in range(10):
        stream.tell(2, SUBDISTRICT, DISTRICT, person=UUID(int=number))
    assert [key[0] for key in stream.heard._left] == [UUID(int=number) for number in (7, 8, 9)]


def test_a_change_of_status_leaves_no_role(stream: Stream) -> None:
    stream.tell(2, DISTRICT, DISTRICT, status="suspended")
    assert (stream.heard.is_barred(PERSON), stream.left(DISTRICT)) == (True, False)
    stream.tell(3, ("a role of tomorrow", "50"), DISTRICT, status="withdrawn")
    assert (stream.heard.is_barred(PERSON), stream.left(DISTRICT)) == (True, True)


def test_who_moved_after_a_moment_is_known_for_good(stream: Stream) -> None:
    before, after = (datetime.fromtimestamp(NOW + seconds, UTC) for seconds in (-1, 1))
    stream.tell(1, DISTRICT)
    stream.tell(2, DISTRICT, DISTRICT, status="suspended")  # a change of status is no move
    assert not stream.heard.moved_since(PERSON, before)
    stream.tell(3, SUBDISTRICT, DISTRICT, at=NOW)
    stream.now += 100 * TOKENS_OUTLIVED_SECONDS
    assert (stream.heard.moved_since(PERSON, before), stream.heard.moved_since(PERSON, after)) == (True, False)
    # A process that begins later hears of it as late, and knows it all the same.
    stream.tell(2, SUBDISTRICT, DISTRICT, person=UUID(int=8), at=NOW)
    assert stream.heard.moved_since(UUID(int=8), before)
