"""The event that ends what a restored database does not know, for every topic with a relay."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.facilities.processes import relay as facilities
from services.registration.processes import relay as registration
from services.survey.processes import relay as survey
from shared.contracts.golden import examples
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
    VOLUNTEER_REGISTERED,
    Topic,
)
from shared.kafka.adoption import Entity, ended

NOW = datetime(2022, 2, 5, tzinfo=UTC)
ENTITIES: dict[Topic, Entity] = {
    VOLUNTEER_REGISTERED: registration.PERSON,
    FACILITY_UPDATED: facilities.PLACE,
    FURTHER_FACILITY_UPDATED: facilities.PLACE,
    HELP_UPDATED: survey.HELP_REQUEST,
}


@pytest.mark.parametrize(("topic", "entity"), ENTITIES.items(), ids=[topic.name for topic in ENTITIES])
def test_it_takes_away_what_was_told_last(topic: Topic, entity: Entity) -> None:
    bodies: list[Any] = [one.event.model_dump(mode="json") for one in examples() if one.topic is topic]
    assert bodies
    allowed = {*entity.ending, "before", "revision", "updated_at"}
    for last in bodies:
        event = ended(topic, entity, json.dumps(last).encode(), NOW)
        body = event.model_dump(mode="json")
        assert body["revision"] == last["revision"] + 1
        assert body["status"] == entity.ending["status"]
        assert body["before"] == {name: last[name] for name in body["before"]}
        assert {name for name in body if body[name] != last[name]} <= allowed
