"""Whether a campaign at rest is exact: judged from the logs and tables alone, without the production code's help,
except for the event that a stored row stands for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

from aiokafka.structs import ConsumerRecord

from services.survey.household import Household
from services.survey.recorder import event_record, stored_event
from services.survey.records import IntakeRecord, decode
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED, VOLUNTEER_REGISTERED
from tests.simulation.rule import FIGURES as RULED
from tests.simulation.rule import standing

if TYPE_CHECKING:
    from tests.simulation.campaign import Campaign

FIGURES = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting", "wanting_608", "undecided", "refusing")


def problems(campaign: Campaign) -> list[str]:
    """Everything that is not as it must be."""
    return list(_problems(campaign))


def _problems(campaign: Campaign) -> Iterator[str]:
    topics = campaign.site.cluster.topics
    for topic in topics.values():
        yield from _misplaced(topic.name, topic.logs, campaign.site.partitions)
    if SURVEY_SUBMITTED in campaign.site.streams:
        yield from _recorded(campaign)
        yield from _survey_events(campaign)
        yield from _survey_figures(campaign)
    if VOLUNTEER_REGISTERED in campaign.site.streams:
        yield from _volunteers(campaign)


def _misplaced(name: str, logs: Sequence[Sequence[ConsumerRecord]], before: int) -> Iterator[str]:
    """before: how many partitions there were before the topic grew; who does not know yet still writes to these."""
    deciding = 6 if name.startswith("survey-") else None  # a household belongs to the partition of its subdistrict
    for partition, log in enumerate(logs):
        for record in log:
            if record.key is not None and partition not in {
                crc32(record.key[:deciding]) % n for n in (before, len(logs))
            }:
                yield f"{name}/{partition}@{record.offset} belongs to another partition"


def _recorded(campaign: Campaign) -> Iterator[str]:
    """Every 202 is recorded, nothing else is, and every record of intake is accounted for."""
    tables = campaign.site.survey.tables
    submissions = tables["submission"]
    for submission_id in submissions.keys() - campaign.offered:
        yield f"{submission_id} was never offered"
    gone = {
        decode(record.value).submission_id
        for topic in campaign.site.cluster.former
        if topic.name == SURVEY_INTAKE.name
        for log in topic.logs
        for record in log
        if record.value != b"\xff"
    }
    for submission_id in campaign.accepted - submissions.keys() - gone:
        yield f"{submission_id} was accepted and is not recorded"
    records = sum(map(len, campaign.site.cluster.topics[SURVEY_INTAKE.name].logs))
    taken = len(submissions) + len(tables["repeated_submission"]) + len(tables["dead_letter"])
    if SURVEY_INTAKE.name not in campaign.recreated and records != taken:
        yield f"{records} records of intake, {taken} rows"
    present = {
        decode(record.value).submission_id
        for log in campaign.site.cluster.topics[SURVEY_INTAKE.name].logs
        for record in log
        if record.value != b"\xff"
    }
    for submission_id in present - submissions.keys():
        yield f"{submission_id} stands in intake and is not recorded"
    yield from _households(campaign)


def _households(campaign: Campaign) -> Iterator[str]:
    """Each household stands as its records say, by the rule alone, and of an erased one nothing can be opened."""
    tables = campaign.site.survey.tables
    cluster = campaign.site.cluster
    sent = {
        record.submission_id: record
        for topic in (*cluster.former, cluster.topics[SURVEY_INTAKE.name])
        if topic.name == SURVEY_INTAKE.name
        for log in topic.logs
        for record in (decode(one.value) for one in log if one.value != b"\xff")
    }
    told: dict[Any, list[IntakeRecord]] = {}
    for row in tables["submission"].values():
        told.setdefault(row["household_id"], []).append(sent[row["submission_id"]])
    if told.keys() != tables["household"].keys():
        yield "households and submissions do not name the same households"
        return
    for household_id, records in told.items():
        found = _found(tables, household_id)
        expected = standing(records)
        if found != expected:
            yield f"household {household_id} stands at {found}, its records say {expected}"
        erased = any(record.kind == "erasure" for record in records)
        keys = {
            row["submission_id"]
            for row in tables["submission"].values()
            if row["household_id"] == household_id and row["wrapped_key"] is not None
        }
        if keys != (set() if erased else {record.submission_id for record in records}):
            yield f"household {household_id} has the keys of {keys}"
        if erased and any(row["household_id"] == household_id for row in tables["follow_up"].values()):
            yield f"follow-ups of household {household_id} are left"
        if erased and any(row["household"] == household_id for row in tables["person_index"].values()):
            yield f"persons of household {household_id} are left in the index"


def _found(tables: Mapping[str, Mapping[Any, Any]], household_id: Any) -> Any:
    """What `standing` says, as the tables hold it."""
    row = tables["household"][household_id]
    persons = {
        one.person_id: (one.status, one.dose, one.due_at, one.facility_id, one.wanting_since)
        for one in Household(household_id, reach=row["reach"]).reach.values()
    }
    if row["counts"] is None:
        return persons or None
    counts = json.loads(row["counts"])
    visit = (row["captured_at"], row["submission_id"])
    return visit, {name: counts[name] for name in RULED}, counts["reasons"], persons


def applied(log: Sequence[ConsumerRecord], *, gaps: bool) -> tuple[list[ConsumerRecord], str]:
    """What a subscriber applies of a partition, by the rule alone; and what is wrong with it.

    gaps: in a topic that was made anew, events may come before those that were published again; a subscriber waits for
    what is missing and then reads the log once more.
    """
    taken: list[ConsumerRecord] = []
    last = -1
    while True:
        progress = False
        missing = ""
        for record in log:
            headers = dict(record.headers)
            sequence = int(headers["ce_sequence"])
            previous = -1 if headers["ce_previous"] == b"-" else int(headers["ce_previous"])
            if sequence <= last:
                continue
            if previous > last:
                missing = f"@{record.offset}: {sequence} follows {previous}, but the last one was {last}"
                if not gaps:
                    return taken, missing
                continue
            taken.append(record)
            last = sequence
            progress = True
        if not progress or not missing:
            return taken, missing


def _chained(campaign: Campaign, name: str) -> Iterator[tuple[int, list[ConsumerRecord], str]]:
    for partition, log in enumerate(campaign.site.cluster.topics[name].logs):
        records, wrong = applied(log, gaps=name in campaign.recreated)
        yield partition, records, f"{name}/{partition}{wrong}" if wrong else ""


def _survey_events(campaign: Campaign) -> Iterator[str]:
    """The public log has no gap, and holds each recorded submission once, byte for byte as its row says."""
    rows = campaign.site.survey.tables["submission"]
    by_sequence = {(row["partition"], row["sequence"]): row for row in rows.values()}
    seen: Counter[str] = Counter()
    for _, records, wrong in _chained(campaign, SURVEY_SUBMITTED.name):
        if wrong:
            yield wrong
        seen.update(json.loads(record.value)["submission_id"] for record in records)
    if seen != Counter(str(submission_id) for submission_id in rows):
        yield f"events and submissions differ: {seen} and {sorted(map(str, rows))}"
    logs = [topic for topic in campaign.site.cluster.former if topic.name == SURVEY_SUBMITTED.name]
    for topic in [*logs, campaign.site.cluster.topics[SURVEY_SUBMITTED.name]]:
        for partition, log in enumerate(topic.logs):
            for record in log:
                row = by_sequence.get((partition, int(dict(record.headers)["ce_sequence"])))
                if row is None:
                    yield f"{topic.topic_id}/{partition}@{record.offset} tells of nothing recorded"
                    continue
                event = event_record(stored_event(row), row["sequence"], row["previous"])
                if (event.key, event.value, event.headers) != (record.key, record.value, record.headers):
                    yield f"{topic.topic_id}/{partition}@{record.offset} is not what was recorded"


def _survey_figures(campaign: Campaign) -> Iterator[str]:
    """The projector's counters are what the survey's own tables sum up to."""
    tables = campaign.site.survey.tables
    expected: dict[str, Counter[str]] = {}
    for row in tables["submission"].values():
        figures = expected.setdefault(row["area"], Counter())
        if row["volunteer_id"] is not None:  # an erasure is no visit
            figures["submissions"] += 1
            figures["superseded"] += row["outcome"] == "superseded"
    for row in tables["household"].values():
        if row["counts"] is None:
            continue
        figures = expected[row["area"]]
        figures["households"] += 1
        counts = json.loads(row["counts"])
        for name in FIGURES:
            figures[name] += counts[name]
    found = campaign.site.reporting.tables["survey_subdistrict"]
    for area in {*expected, *(key[0] for key in found)}:
        counted, summed = found.get((area,), {}), expected.get(area, Counter())
        for name in ("submissions", "superseded", "households", *FIGURES):
            if counted.get(name, 0) != summed[name]:
                yield f"{area}: {counted.get(name, 0)} {name} counted, {summed[name]} recorded"


def _volunteers(campaign: Campaign) -> Iterator[str]:
    """Each committed change is told once, and a volunteer's changes in their order."""
    rows = campaign.site.registration.tables["outbox"]
    committed: dict[str, list[int]] = {}
    for _, row in sorted(rows.items()):
        committed.setdefault(row["key"], []).append(json.loads(row["body"])["revision"])
    told: dict[str, list[int]] = {}
    for _, records, wrong in _chained(campaign, VOLUNTEER_REGISTERED.name):
        if wrong:
            yield wrong
        for record in records:
            told.setdefault(record.key.decode(), []).append(json.loads(record.value)["revision"])
    if told != committed:
        yield f"changes told {told}, made {committed}"
    for key, revisions in committed.items():
        if revisions != list(range(1, len(revisions) + 1)):
            yield f"changes of {key} in the outbox are {revisions}"
    people: Counter[tuple[Any, ...]] = Counter()
    latest: dict[str, dict[str, Any]] = {}
    for _, row in sorted(rows.items()):
        latest[row["key"]] = json.loads(row["body"])
    for body in latest.values():
        people[body["area"], body["organisation_kind"], body["role"], body["status"]] += 1
    table = campaign.site.reporting.tables["volunteer_count"]
    counted = {tuple(map(str, key)): row["people"] for key, row in table.items() if row["people"]}
    if counted != dict(people):
        yield f"volunteers counted {counted}, registered {dict(people)}"
