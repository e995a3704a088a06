"""The golden examples: one record of every kind that subscribers must be able to read, as (headers, key, body).

They are the contract's own test data: written to `examples/`, shown in the AsyncAPI document, and read back by every
test that claims to understand the events. Numbers and names are invented; ids are derived from names and stay.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import BaseModel

from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.golden.facilities import facilities, further_facilities
from shared.contracts.golden.help_requests import help_requests
from shared.contracts.golden.identity import START, id_of
from shared.contracts.golden.surveys import surveys
from shared.contracts.golden.volunteers import volunteers
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    Topic,
)

_FIRST_EPOCH: Final = 10**15  # of survey-submitted: sequence = epoch * 10^15 + offset of the intake record


@dataclass(frozen=True, slots=True)
class Example:
    """One record as it lies in Kafka."""

    topic: Topic
    name: str
    summary: str
    partition: int
    key: str
    envelope: Envelope
    event: BaseModel

    def as_json(self) -> dict[str, object]:
        """The record in the form of the checked-in files."""
        return {
            "topic": self.topic.name,
            "summary": self.summary,
            "partition": self.partition,
            "key": self.key,
            "headers": {name: value.decode() for name, value in to_headers(self.envelope)},
            "body": self.event.model_dump(mode="json"),
        }

    def as_cloudevent(self) -> dict[str, object]:
        """The event in CloudEvents' structured mode."""
        headers = {name: value.decode() for name, value in to_headers(self.envelope)}
        attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
        content_type = {"datacontenttype": headers["content-type"]}
        return {**attributes, **content_type, "data": self.event.model_dump(mode="json")}


def examples() -> Iterator[Example]:
    """Make every example, topic by topic. Within a partition the sequences form a chain, as in the stream itself."""
    yield from _records(VOLUNTEER_REGISTERED, "volunteer_id", volunteers(), first=1, step=1)
    # Duplicated submissions use up an offset of the intake without an event: sequences of the survey have holes.
    yield from _records(SURVEY_SUBMITTED, "submission_id", surveys(), first=_FIRST_EPOCH, step=2, key="household_id")
    yield from _records(FACILITY_UPDATED, "facility_id", facilities(), first=1, step=1)
    yield from _records(FURTHER_FACILITY_UPDATED, "facility_id", further_facilities(), first=1, step=1)
    yield from _records(HELP_UPDATED, "request_id", help_requests(), first=1, step=1)


def _records(
    topic: Topic, identity: str, events: Mapping[str, tuple[str, BaseModel]], *, first: int, step: int, key: str = ""
) -> Iterator[Example]:
    if topic.event_type is None or topic.source is None or topic.dataschema is None:
        raise ValueError(f"{topic.name} is not a public topic")
    last: dict[int, int] = {}
    for number, (name, (summary, event)) in enumerate(events.items()):
        subject = str(getattr(event, key or identity))
        partition = topic.partition_of(subject)
        previous = last.get(partition)
        sequence = first if previous is None else previous + step
        last[partition] = sequence
        envelope = Envelope(
            id=str(getattr(event, identity) if key else id_of(f"{topic.name} {name}")),
            source=topic.source,
            type=topic.event_type,
            subject=subject,
            time=START + timedelta(minutes=number, milliseconds=250),
            sequence=sequence,
            previous=previous,
            dataschema=topic.dataschema,
        )
        yield Example(topic, name, summary, partition, subject, envelope, event)
