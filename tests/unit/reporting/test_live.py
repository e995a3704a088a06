"""The live stream's centre: what each viewer is told, and what becomes of one who is slow or comes back."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.reporting.answers import Stream
from services.reporting.changed import Changed
from services.reporting.live import MAX_HELD_BYTES, LiveStream, TooManyViewers
from services.reporting.notices import Kind, Notice
from services.reporting.picture.rows import COUNTED, FIELDS, Row, row
from shared.web.viewer import MAX_WAITING, StreamEnded, Viewer

AS_OF = {"survey-submitted": Stream(datetime(2022, 1, 15, tzinfo=UTC), 0, None)}
SOON = 0.01


def picture(**persons: int) -> dict[str, Row]:
    """A picture of areas (`a50` is area 50) with so many persons."""
    return {name[1:]: of_persons(number) for name, number in persons.items()}


def of_persons(number: int, *, suppressed: bool = False) -> tuple[Any, ...]:
    """A row of so many persons and nothing else."""
    counts = tuple(number if field == "persons" else 0 for field in COUNTED)
    return row(counts, None, None, suppressed=suppressed)


def changed(*subdistricts: str) -> Changed:
    """New survey figures in these."""
    found = Changed()
    found.add(Notice(Kind.SURVEY, frozenset(subdistricts)))
    return found


async def told(viewer: Viewer) -> list[tuple[str, str, dict[str, Any]]]:
    """What waits for the viewer: id, event and data of each."""
    events = []
    while (item := await viewer.next(SOON)) is not None:
        lines = item.decode().removesuffix("\n\n").split("\n")
        fields = dict(line.split(": ", 1) for line in lines)
        events.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return events


@pytest.fixture
def stream() -> LiveStream:
    """A stream that shows two provinces."""
    stream = LiveStream(max_viewers=3)
    stream.show(picture(a50=1, a10=2), {}, AS_OF, Changed.anywhere())
    return stream


async def test_a_viewer_begins_with_everything(stream: LiveStream) -> None:
    """Then only what differs comes, with the subdistricts by name."""
    viewer = stream.join()
    stream.show(picture(a50=7, a10=2), {}, AS_OF, changed("500101"))
    (_, reset, everything), (_, change, difference) = await told(viewer)
    assert (reset, change) == ("reset", "change")
    assert {code: row["persons"] for code, row in everything["areas"].items()} == {"50": 1, "10": 2}
    assert list(everything["areas"]["50"]) == list(FIELDS)
    assert everything["subdistricts"] is None
    assert difference["areas"] == {"50": {"persons": 7}}
    assert (difference["places"], difference["help"]) == ([], [])
    assert difference["version"] == everything["version"] + 1
    assert difference["as_of"]["survey-submitted"] == {
        "time": "2022-01-15T00:00:00Z",
        "lag": 0,
        "lag_measured_at": None,
        "filling": False,
    }


async def test_every_viewer_gets_the_same_bytes(stream: LiveStream) -> None:
    """An event is made once, however many watch."""
    viewers = [stream.join() for _ in range(3)]
    stream.show(picture(a50=7, a10=2), {}, AS_OF, changed("500101"))
    for _ in range(2):
        items = [await viewer.next(SOON) for viewer in viewers]
        assert items[0] is items[1] is items[2]


async def test_places_are_limited(stream: LiveStream) -> None:
    """One who leaves makes room."""
    viewers = [stream.join() for _ in range(3)]
    with pytest.raises(TooManyViewers):
        stream.join()
    stream.leave(viewers[0])
    stream.leave(viewers[0])
    assert stream.viewers == 2
    stream.join()


async def test_a_slow_viewer_is_let_go_and_nobody_waits(stream: LiveStream) -> None:
    """The others get every event."""
    slow, quick = stream.join(), stream.join()
    for number in range(MAX_WAITING + 5):
        stream.show(picture(a50=100 + number, a10=2), {}, AS_OF, changed("500101"))
        assert len(await told(quick)) == (2 if number == 0 else 1)
    assert stream.viewers == 1
    with pytest.raises(StreamEnded):
        await slow.next(SOON)


async def test_one_who_comes_back_gets_what_was_missed(stream: LiveStream) -> None:
    """And nothing twice; one who missed nothing gets nothing."""
    first = stream.join()
    ((seen, _, _),) = await told(first)
    stream.leave(first)
    for number in (5, 6):
        stream.show(picture(a50=number, a10=2), {}, AS_OF, changed("500101"))
    again = await told(stream.join(seen))
    assert [(name, data["areas"]["50"]["persons"]) for _, name, data in again] == [("change", 5), ("change", 6)]
    assert await told(stream.join(again[-1][0])) == []


@pytest.mark.parametrize("event_id", ["", "nonsense", "00000000-1", "-1", "{life}-99", "{life}-x", "{life}-²"])
async def test_an_id_that_is_not_ours_gives_everything(stream: LiveStream, event_id: str) -> None:
    """Of another process, of the time before a restart, or made up."""
    ((own, _, _),) = await told(stream.join())
    ((_, name, _),) = await told(stream.join(event_id.format(life=own.partition("-")[0])))
    assert name == "reset"


async def test_one_who_missed_too_much_gets_everything(stream: LiveStream) -> None:
    """More events than may wait for anybody."""
    ((seen, _, _),) = await told(stream.join())
    for number in range(MAX_WAITING + 1):
        stream.show(picture(a50=10 + number, a10=2), {}, AS_OF, changed("500101"))
    ((_, name, _),) = await told(stream.join(seen))
    assert name == "reset"


async def test_a_reset_holds_no_districts_and_their_changes_come(stream: LiveStream) -> None:
    """At every level; of a subdistrict that was not told before, the whole row."""
    viewer = stream.join()
    stream.show(picture(a50=1, a10=2, a5001=5), picture(a500101=5), AS_OF, changed("500101"))
    stream.show(picture(a50=1, a10=2, a5001=6), picture(a500101=6), AS_OF, changed("500101"))
    (_, _, everything), (_, _, first), (_, _, second) = await told(viewer)
    assert set(everything["areas"]) == {"50", "10"}
    assert {code: len(fields) for code, fields in first["areas"].items()} == {
        "5001": len(FIELDS),
        "500101": len(FIELDS),
    }
    assert second["areas"] == {"5001": {"persons": 6}, "500101": {"persons": 6}}
    assert second["subdistricts"] == ["500101"]
    ((_, _, later),) = await told(stream.join())
    assert set(later["areas"]) == {"50", "10"}


async def test_a_subdistrict_with_few_persons_is_not_named(stream: LiveStream) -> None:
    """Its district's difference would tell what is withheld; where it has enough, everything is told."""
    viewer = stream.join()
    few = {"500101": of_persons(3, suppressed=True)}
    stream.show(picture(a50=1, a10=2, a5001=3), few, AS_OF, changed("500101"))
    stream.show(picture(a50=1, a10=2, a5001=6), picture(a500101=6), AS_OF, changed("500101"))
    _, (_, _, withheld), (_, _, shown) = await told(viewer)
    assert withheld["subdistricts"] == []
    assert withheld["areas"]["500101"]["persons"] is None
    assert shown["subdistricts"] == ["500101"]
    assert shown["areas"]["500101"]["suppressed"] is False
    assert shown["areas"]["500101"]["persons"] == 6


@pytest.mark.parametrize("field", ["places_overdue", "help_overdue"])
def test_districts_in_which_something_became_overdue_are_known(stream: LiveStream, field: str) -> None:
    """Of those that were told before; no other figure and no wider area makes one."""
    late = row(tuple(int(name == field) for name in COUNTED), None, None)
    stream.show(picture(a5001=0, a5002=0, a5003=0), {}, AS_OF, Changed())
    assert stream.overdue_anew(picture(a50=0, a5001=9, a5002=0)) == set()
    assert stream.overdue_anew(picture(a5001=9) | dict.fromkeys(("", "50", "5002", "5099"), late)) == {"5002"}
    stream.show({"5002": late}, {}, AS_OF, Changed())
    assert stream.overdue_anew({"5002": late}) == set()
    assert stream.overdue_anew(picture(a5002=0)) == {"5002"}


async def test_without_news_only_the_age_is_told(stream: LiveStream) -> None:
    """So that silence can be told from a standstill."""
    viewer = stream.join()
    later = {"survey-submitted": Stream(datetime(2022, 1, 16, tzinfo=UTC), 3, None)}
    stream.show({}, {}, later, Changed())
    _, (_, name, data) = await told(viewer)
    assert (name, data["areas"], data["as_of"]["survey-submitted"]["lag"]) == ("change", {}, 3)


async def test_old_events_are_given_up_by_their_bytes() -> None:
    """What is held does not grow with the length of the events."""
    stream = LiveStream(max_viewers=3)
    codes = [f"{number:06}" for number in range(600)]
    stream.show(picture(a50=0), dict.fromkeys(codes, of_persons(0)), AS_OF, Changed.anywhere())
    viewer = stream.join()
    ((seen, _, _),) = await told(viewer)
    stream.leave(viewer)
    size = 0
    for number in range(1, MAX_WAITING):
        rows = dict.fromkeys(codes, row((10**15 + number,) * len(COUNTED), None, None))
        size += stream.show({}, rows, AS_OF, Changed.anywhere())
    assert size > MAX_HELD_BYTES
    ((_, name, _),) = await told(stream.join(seen))
    assert name == "reset"


async def test_without_a_picture_a_viewer_waits_and_asks_for_one() -> None:
    """So does everybody after events may have been missed."""
    stream = LiveStream(max_viewers=3)
    viewer = stream.join()
    assert stream.wanted.is_set()
    assert await told(viewer) == []
    stream.show(picture(a50=1), {}, AS_OF, changed("500101"))
    assert not stream.wanted.is_set()
    assert [name for _, name, _ in await told(viewer)] == ["reset"]
    stream.forget()
    assert stream.wanted.is_set()
    stream.show(picture(a50=1), {}, AS_OF, Changed())
    assert [name for _, name, _ in await told(viewer)] == ["reset"]


async def test_at_a_stop_every_stream_ends(stream: LiveStream) -> None:
    """At once, also for one who waits."""
    viewer = stream.join()
    await told(viewer)
    waiting = asyncio.create_task(viewer.next(60))
    await asyncio.sleep(0)
    stream.close()
    with pytest.raises(StreamEnded):
        await waiting


def test_changes_add_up() -> None:
    """Anywhere stays anywhere; new denominators change every row."""
    found = changed("500101")
    found.add(Notice(Kind.SURVEY, frozenset({"100101"})))
    found.add(Notice(Kind.PLACES, frozenset({"500102"})))
    found.add(Notice(Kind.VOLUNTEERS, None))
    found.add(Notice(Kind.VOLUNTEERS, frozenset({"50"})))
    assert found == Changed({"500101", "100101"}, {"500102"}, None, set())
    found.add(Notice(Kind.HELP, frozenset({"100102"})))
    assert found.districts() == {"5001", "1001"}
    found.add(Notice(Kind.DENOMINATORS, None))
    assert found.subdistricts is None
    assert found.districts() is None


async def test_what_went_back_while_subdistricts_were_not_read_is_told(stream: LiveStream) -> None:
    """Who asked for the picture meanwhile has seen other figures; the next difference is not to those of before."""
    stream.show({}, picture(a500101=20), AS_OF, changed("500101"))
    viewer = stream.join()
    stream.show({}, {}, AS_OF, Changed.anywhere())  # 500101 has 25 now, as the picture says
    stream.show({}, picture(a500101=20), AS_OF, changed("500101"))
    (_, _, told_last) = (await told(viewer))[-1]
    assert told_last["areas"]["500101"]["persons"] == 20
