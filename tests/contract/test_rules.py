"""What sequence, previous and partitions mean is held by what was published, not by what the code says of itself."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any
from zlib import adler32

import pytest

from shared.contracts import generate, rules
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import Envelope, chain_place, from_headers, to_headers
from shared.contracts.golden import examples
from shared.contracts.partitioning import partition_of
from shared.contracts.publications import Publications
from shared.contracts.rules import Meaning

PUBLISHED = [version.document for version in Publications().rules()]


def test_the_published_examples_come_out_as_they_say() -> None:
    assert PUBLISHED
    for told in PUBLISHED:
        assert list(rules.failures(told, Meaning())) == []
        verdicts = {each["verdict"] for each in told["examples"]["judged"]}
        assert verdicts == {verdict.value for verdict in Verdict}


def passes_over_gaps(last: int | None, sequence: int, _previous: int | None) -> Verdict:
    return Verdict.REPETITION if last is not None and sequence <= last else Verdict.APPLY


def takes_holes_for_gaps(last: int | None, sequence: int, previous: int | None) -> Verdict:
    return Verdict.GAP if last is not None and sequence > last + 1 else judge(last, sequence, previous)


def applies_again(last: int | None, sequence: int, previous: int | None) -> Verdict:
    return Verdict.APPLY if last == sequence else judge(last, sequence, previous)


def begins_in_the_middle(last: int | None, sequence: int, previous: int | None) -> Verdict:
    return Verdict.APPLY if last is None else judge(last, sequence, previous)


def wants_the_previous_itself(last: int | None, sequence: int, previous: int | None) -> Verdict:
    verdict = judge(last, sequence, previous)
    return Verdict.GAP if verdict is Verdict.APPLY and previous != last else verdict


def starts_anew(last: int | None, sequence: int, previous: int | None) -> Verdict:
    return Verdict.APPLY if previous is None else judge(last, sequence, previous)


@pytest.mark.parametrize(
    "changed",
    [
        passes_over_gaps,
        takes_holes_for_gaps,
        applies_again,
        begins_in_the_middle,
        wants_the_previous_itself,
        starts_anew,
    ],
)
def test_another_meaning_of_sequence_fails_the_gate(
    changed: Callable[[int | None, int, int | None], Verdict],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for told in PUBLISHED:
        assert list(rules.failures(told, Meaning(judge=changed)))
    # As if the rule itself had been rewritten, and with it the examples that are made now.
    monkeypatch.setattr(rules, "judge", changed)
    monkeypatch.setattr(rules, "Meaning", lambda: Meaning(judge=changed))
    assert generate.main(["--check"]) == 1
    assert "rules, against publication 1: " in capsys.readouterr().err


def unpadded(envelope: Envelope) -> list[tuple[str, bytes]]:
    return [(name, value.lstrip(b"0") if name == "ce_sequence" else value) for name, value in to_headers(envelope)]


def previous_as_zero(envelope: Envelope) -> list[tuple[str, bytes]]:
    return [(name, b"0" * 20 if value == b"-" else value) for name, value in to_headers(envelope)]


def reads_offsets(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    found = from_headers(headers)
    return replace(found, sequence=found.sequence % 10**15)


@pytest.mark.parametrize(
    "meaning",
    [
        pytest.param(Meaning(write=unpadded), id="written without its zeros"),
        pytest.param(Meaning(write=previous_as_zero), id="nothing before is written as zero"),
        pytest.param(Meaning(read=reads_offsets), id="read without its epoch"),
        pytest.param(Meaning(place=lambda headers: chain_place(headers) or (0, None, None)), id="damage read as zero"),
        pytest.param(Meaning(partition=lambda _, key, of: adler32(key.encode()) % (of or 24)), id="another hash"),
        pytest.param(Meaning(partition=lambda _, key, of: partition_of(key, of or 24)), id="all of the key"),
    ],
)
def test_another_form_or_partition_fails_the_gate(meaning: Meaning) -> None:
    for told in PUBLISHED:
        assert list(rules.failures(told, meaning))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sequence", "unique_in"), ["topic"]),
        (("sequence", "order"), "increasing"),
        (("sequence", "holes"), False),
        (("previous", "first"), "0"),
        (("previous", "names"), "the event before of the same key"),
        (("judging", "in_order"), [{"when": "otherwise", "verdict": "apply"}]),
        (("partition", "characters", "survey-submitted"), None),
        (("partition", "partitions", "help-updated"), 48),
        (("event", "types", "survey-submitted"), "care.jitasa.survey-submitted.v2"),
        (("delivery", "at_least_once"), False),
    ],
)
def test_another_statement_fails_the_gate(path: tuple[str, ...], value: Any) -> None:
    current = deepcopy(rules.rules())
    place = current
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    found = rules.breaks(current, PUBLISHED)
    assert any(line.startswith(f"rules, against publication 1: /{'/'.join(path)}") for line in found), found
    del place[path[-1]]
    assert f"rules, against publication 1: /{'/'.join(path)}: removed" in rules.breaks(current, PUBLISHED)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("growth", "topics", "survey-submitted"), [24, 36]),
        (("growth", "fewer"), True),
        (("growth", "begins"), "where it is met"),
        (("growth", "order_of_a_key"), "sequence"),
    ],
)
def test_another_statement_about_growth_fails_the_gate(path: tuple[str, ...], value: Any) -> None:
    current = deepcopy(rules.rules())
    place = current
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    where = "/".join(path)
    assert any(f": /{where}: was" in line or f": /{where}" in line for line in rules.breaks(current, PUBLISHED))


def test_a_key_in_a_grown_topic_has_to_stay_in_its_partition() -> None:
    """Among 48 and 96 as among 24, by the hash that was published."""
    moved = Meaning(partition=lambda topic, key, of: rules._partition(topic, key, of if of in (None, 24) else of - 1))
    assert [told for told in PUBLISHED if list(rules.failures(told, moved))] == PUBLISHED[-1:]


def test_rules_may_be_said_better_and_more_may_be_stated() -> None:
    current = deepcopy(rules.rules())
    current["sequence"]["says"] = "Said better."
    current["partition"]["characters"]["another-stream"] = None
    current["clock"] = {"says": "Times are UTC.", "zone": "UTC"}
    assert rules.breaks(current, PUBLISHED) == []


def test_golden_events_are_chains_by_the_rule() -> None:
    last: dict[tuple[str, int], int] = {}
    for example in examples():
        place = example.topic.name, example.partition
        envelope = example.envelope
        assert judge(last.get(place), envelope.sequence, envelope.previous) is Verdict.APPLY
        last[place] = envelope.sequence
