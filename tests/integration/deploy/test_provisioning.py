"""Topics are created as the contract says, corrected when they differ, and never recreated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from deploy import provisioning
from deploy.catalogue import REPORTING, SERVICES
from shared.contracts.topics import ALL, HELP_UPDATED, SURVEY_INTAKE
from tests.runtime import Runtime


def _settings(runtime: Runtime, name: str) -> Mapping[str, ConfigEntry]:
    (answer,) = runtime.admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
    entries: Mapping[str, ConfigEntry] = answer.result(10)
    return entries


def test_all_topics_are_there_as_the_contract_says(runtime: Runtime) -> None:
    existing = runtime.admin.list_topics(timeout=10).topics
    for topic in ALL:
        assert len(existing[topic.name].partitions) == topic.partitions == 24
        settings = _settings(runtime, topic.name)
        assert settings["retention.ms"].value == str(topic.retention_ms)
        assert settings["segment.bytes"].value == str(provisioning.SEGMENT_BYTES)
        if topic is SURVEY_INTAKE:  # its records outlive the retention by no more
            assert settings["segment.ms"].value == str(provisioning.SEGMENT_MS)
        assert settings["min.insync.replicas"].value == "1"
        assert settings["cleanup.policy"].value == "delete"


def test_a_changed_setting_is_put_right_and_the_topic_stays_the_same(runtime: Runtime) -> None:
    topic = runtime.create_topic(SURVEY_INTAKE, partitions=2)

    def identity() -> str:
        (answer,) = runtime.admin.describe_topics(TopicCollection([topic.name])).values()
        return str(answer.result(10).topic_id)

    before = identity()
    change = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name, incremental_configs=[change])
    for answer in runtime.admin.incremental_alter_configs([resource]).values():
        answer.result(10)
    assert provisioning.topics(runtime.admin, [topic], replicas=1, in_sync=1) == []
    assert _settings(runtime, topic.name)["retention.ms"].value == str(topic.retention_ms)
    assert identity() == before


def test_another_number_of_partitions_is_reported_and_left(runtime: Runtime) -> None:
    small = runtime.create_topic(HELP_UPDATED, "small", partitions=2)
    wanted = replace(small, partitions=24)
    differences = provisioning.topics(runtime.admin, [wanted], replicas=1, in_sync=1)
    assert differences == ["topic help-updated-small has 2 partitions instead of 24"]
    assert provisioning.partitions(runtime.admin, [wanted]) == {wanted.name: 2}


def test_a_topic_that_grows_is_given_what_it_lacks_and_keeps_what_it_has(runtime: Runtime) -> None:
    topic = runtime.create_topic(SURVEY_INTAKE, partitions=2)
    for wanted, there_are in ((4, 4), (2, 4), (4, 4)):
        assert provisioning.topics(runtime.admin, [replace(topic, partitions=wanted)], replicas=1, in_sync=1) == []
        assert provisioning.partitions(runtime.admin, [topic]) == {topic.name: there_are}


def test_a_right_that_the_catalogue_no_longer_grants_is_taken_away(runtime: Runtime) -> None:
    more = replace(REPORTING, topics_written=(SURVEY_INTAKE,))
    provisioning.rights(runtime.admin, [more])
    assert provisioning.held(runtime.admin, [REPORTING]) == provisioning.bindings(more)
    provisioning.rights(runtime.admin, SERVICES)
    assert provisioning.held(runtime.admin, [REPORTING]) == provisioning.bindings(REPORTING)
