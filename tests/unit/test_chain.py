"""The sequence rule: each event of a chain counts once, and nothing missing is jumped over."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.chain import Verdict, judge

Link = tuple[int, int | None]


@st.composite
def chains(draw: st.DrawFn, min_size: int = 0) -> list[Link]:
    """A partition's events as published: sequences strictly increase (with holes), each names the one before it."""
    steps = draw(st.lists(st.integers(1, 2**40), min_size=min_size, max_size=30))
    links: list[Link] = []
    sequence = draw(st.integers(-1, 2**60))
    for step in steps:
        previous = links[-1][0] if links else None
        sequence += step
        links.append((sequence, previous))
    return links


@st.composite
def deliveries(draw: st.DrawFn, chain: list[Link]) -> list[Link]:
    """What may reach a consumer: the chain in order, with any stretch published again at any moment."""
    delivered: list[Link] = []
    for index, link in enumerate(chain):
        delivered.append(link)
        for _ in range(draw(st.integers(0, 2))):
            begin = draw(st.integers(0, index))
            delivered += chain[begin : draw(st.integers(begin, index)) + 1]
    return delivered


@dataclass
class Consumer:
    """The smallest consumer that obeys: it stops at a gap."""

    last: int | None = None
    applied: list[int] = field(default_factory=list)
    stopped: bool = False

    def take(self, links: list[Link]) -> None:
        for sequence, previous in links:
            match judge(self.last, sequence, previous):
                case Verdict.APPLY:
                    self.last = sequence
                    self.applied.append(sequence)
                case Verdict.GAP:
                    self.stopped = True
                    return
                case Verdict.REPETITION:
                    pass


@pytest.mark.parametrize(
    ("last", "sequence", "previous", "verdict"),
    [
        (None, 1, None, Verdict.APPLY),
        (None, 5, 4, Verdict.GAP),
        (4, 5, 4, Verdict.APPLY),
        (4, 9, 4, Verdict.APPLY),
        (4, 4, 3, Verdict.REPETITION),
        (4, 1, None, Verdict.REPETITION),
        (4, 6, 5, Verdict.GAP),
        # Foreign matter with readable numbers took its place in the chain; the real chain still goes on behind it.
        (5, 9, 4, Verdict.APPLY),
        (5, 9, None, Verdict.APPLY),
        # The first event of a new epoch names the last one of the old.
        (41, 10**15, 41, Verdict.APPLY),
        (40, 10**15, 41, Verdict.GAP),
    ],
)
def test_judges_by_the_rule(last: int | None, sequence: int, previous: int | None, verdict: Verdict) -> None:
    assert judge(last, sequence, previous) is verdict


@given(st.data())
def test_applies_each_event_once_however_often_it_comes(data: st.DataObject) -> None:
    chain = data.draw(chains())
    consumer = Consumer()
    consumer.take(data.draw(deliveries(chain)))
    assert not consumer.stopped
    assert consumer.applied == [sequence for sequence, _ in chain]


@given(st.data())
def test_stops_where_an_event_is_missing(data: st.DataObject) -> None:
    chain = data.draw(chains(min_size=2))
    missing = data.draw(st.integers(0, len(chain) - 2))
    consumer = Consumer()
    consumer.take(data.draw(deliveries(chain[:missing] + chain[missing + 1 :])))
    assert consumer.stopped
    assert consumer.applied == [sequence for sequence, _ in chain[:missing]]


@given(st.data())
def test_goes_on_once_the_missing_event_is_published_again(data: st.DataObject) -> None:
    chain = data.draw(chains(min_size=2))
    missing = data.draw(st.integers(0, len(chain) - 2))
    consumer = Consumer()
    consumer.take(chain[:missing] + chain[missing + 1 :])
    consumer.stopped = False
    consumer.take(chain[data.draw(st.integers(0, missing)) :])
    assert not consumer.stopped
    assert consumer.applied == [sequence for sequence, _ in chain]
