"""Topics, users and rights of a Kafka cluster, made from the catalogue. Repeating it repairs what differs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from deploy.catalogue import Service
from shared.contracts.topics import FOREVER, Topic
from shared.kafka.administration import REQUEST_SECONDS, alter_credentials, everybodys_rights, give, take, wait_all

INTERNAL: Final = ScramMechanism.SCRAM_SHA_256
"""How services sign in. Subscribers do by SCRAM-SHA-512, each on a listener that knows no other."""
SEGMENT_BYTES: Final = 128 * 1024 * 1024
"""After a crash a broker reads the last segment of each partition again before it serves: with Kafka's usual 1 GB it
would be away for as long as it takes to read some 50 GB."""
SEGMENT_MS: Final = 6 * 60 * 60 * 1000
"""A segment ends as a whole, when its last record is old enough: by so much its first may outlive the retention; with
Kafka's usual seven days it would be twice as long."""
_OWN: Final = ("broker", "admin")
"""Users that the cluster was formatted with."""
_CLUSTER: Final = "kafka-cluster"
_ITERATIONS: Final = 4096  # Kafka's minimum; the passwords are random and long, more rounds would only slow logins


def topics(admin: AdminClient, wanted: Sequence[Topic], *, replicas: int, in_sync: int) -> list[str]:
    """Create the missing topics, give more partitions to those that grow and have fewer than wanted, and correct the
    settings of all others. Returns what differs and was left alone.

    A topic is never deleted or recreated: its records are the product's memory. Partitions are never taken away, which
    Kafka cannot do either; that a topic which grows has more of them than is wanted is no difference. Topics are given
    partitions one after the other, in the order of `wanted`; repeated, what was cut off goes on.
    """
    existing = admin.list_topics(timeout=REQUEST_SECONDS).topics
    settings = {topic.name: settings_of(topic, in_sync) for topic in wanted}
    missing = [topic for topic in wanted if topic.name not in existing]
    if missing:
        new = [
            NewTopic(
                topic.name, num_partitions=topic.partitions, replication_factor=replicas, config=settings[topic.name]
            )
            for topic in missing
        ]
        wait_all(admin.create_topics(new, request_timeout=REQUEST_SECONDS), but=KafkaError.TOPIC_ALREADY_EXISTS)
        _until_visible(admin, missing)
    present = [topic for topic in wanted if topic.name in existing]
    _correct_settings(admin, {topic.name: settings[topic.name] for topic in present})
    there_are = {topic.name: len(existing[topic.name].partitions) for topic in present}
    for topic in present:
        if topic.grows and there_are[topic.name] < topic.partitions:
            wait_all(
                admin.create_partitions([NewPartitions(topic.name, topic.partitions)], request_timeout=REQUEST_SECONDS)
            )
            _until_visible(admin, [topic])
    return [
        f"topic {topic.name} has {there_are[topic.name]} partitions instead of {topic.partitions}"
        for topic in present
        if not topic.grows and there_are[topic.name] != topic.partitions
    ]


def partitions(admin: AdminClient, wanted: Sequence[Topic]) -> dict[str, int]:
    """How many partitions each of these topics has, as far as they are there."""
    existing = admin.list_topics(timeout=REQUEST_SECONDS).topics
    return {topic.name: len(existing[topic.name].partitions) for topic in wanted if topic.name in existing}


def users(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Give every user its password, for the services' listener alone: credentials of another mechanism, by which it
    could sign in where subscribers do, are taken away."""
    credentials(admin, passwords)
    everybodys = admin.describe_user_scram_credentials(request_timeout=REQUEST_SECONDS)
    described = everybodys.result(REQUEST_SECONDS)  # type: ignore[union-attr]  # one answer for all, where none is named
    foreign: list[UserScramCredentialAlteration] = [
        UserScramCredentialDeletion(user, held.mechanism)
        for user, found in described.items()
        for held in found.scram_credential_infos
        if user in (*passwords, *_OWN) and held.mechanism is not INTERNAL
    ]
    alter_credentials(admin, foreign)


def credentials(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Set the users' passwords for the services' listener."""
    credential = ScramCredentialInfo(INTERNAL, _ITERATIONS)
    changes: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(user, credential, password.encode()) for user, password in passwords.items()
    ]
    alter_credentials(admin, changes)


def rights(admin: AdminClient, services: Iterable[Service]) -> None:
    """Give every service's user the rights of the catalogue, and take from it all others."""
    services = list(services)
    wanted = {binding for service in services for binding in bindings(service)}
    present = held(admin, services)
    give(admin, wanted - present)
    take(admin, present - wanted)
    # A change is answered by the controller before the broker, which decides, has heard of it.
    _until(lambda: held(admin, services) == wanted, "the rights are in force")


def held(admin: AdminClient, services: Iterable[Service]) -> set[AclBinding]:
    """The rights that the services' users have now."""
    ours = {f"User:{user}" for service in services for user in service.kafka_users}
    return {binding for binding in everybodys_rights(admin) if binding.principal in ours}


def bindings(service: Service) -> set[AclBinding]:
    """The rights of one service: write its topics, read the others', consume in groups named after itself, and see
    where the groups are that it watches; and of its gatekeeper, who needs both rights on the whole cluster and none on
    any topic or group."""
    granted: set[AclBinding] = set()

    def allow(
        kind: ResourceType, name: str, pattern: ResourcePatternType, *operations: AclOperation, user: str = service.name
    ) -> None:
        for operation in operations:
            granted.add(AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW))

    literal, prefixed = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
    for topic in service.topics_written:  # this is enough for an idempotent producer
        allow(ResourceType.TOPIC, topic.name, literal, AclOperation.WRITE, AclOperation.DESCRIBE)
    for topic in service.topics_read:
        allow(ResourceType.TOPIC, topic.name, literal, AclOperation.READ, AclOperation.DESCRIBE)
    allow(ResourceType.GROUP, service.name, prefixed, AclOperation.READ, AclOperation.DESCRIBE)
    for prefix in service.groups_watched:
        allow(ResourceType.GROUP, prefix, prefixed, AclOperation.DESCRIBE)
    if service.gatekeeper is not None:  # credentials and rights by the one, quotas by the other
        both = (AclOperation.ALTER, AclOperation.ALTER_CONFIGS)
        allow(ResourceType.BROKER, _CLUSTER, literal, *both, user=service.gatekeeper)
    return granted


def settings_of(topic: Topic, in_sync: int) -> dict[str, str]:
    """What a topic is set to. in_sync: how many copies have a record before it is acknowledged."""
    settings = {
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        "cleanup.policy": "delete",  # with retention -1: keep everything; compaction would leave gaps in the offsets
        "min.insync.replicas": str(in_sync),
        # An event's time is its own, also when it is published once more. Intake's retention must not follow a
        # sender's clock.
        "message.timestamp.type": "CreateTime" if topic.public else "LogAppendTime",
        "segment.bytes": str(SEGMENT_BYTES),
    }
    if topic.retention_ms != FOREVER:
        settings["segment.ms"] = str(SEGMENT_MS)
    return settings


def _correct_settings(admin: AdminClient, wanted: Mapping[str, Mapping[str, str]]) -> None:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in wanted]
    if not resources:
        return
    changes = []
    for resource, answer in admin.describe_configs(resources, request_timeout=REQUEST_SECONDS).items():
        entries = answer.result(REQUEST_SECONDS)
        changed = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in wanted[resource.name].items()
            if entries[name].value != value
        ]
        if changed:
            changes.append(ConfigResource(ConfigResource.Type.TOPIC, resource.name, incremental_configs=changed))
    if changes:
        wait_all(admin.incremental_alter_configs(changes, request_timeout=REQUEST_SECONDS))


def _until_visible(admin: AdminClient, created: Sequence[Topic]) -> None:
    """Creation, of topics and of partitions, is answered before every partition is known and has its leader."""

    def complete() -> bool:
        names = TopicCollection([topic.name for topic in created])
        answers = admin.describe_topics(names, request_timeout=REQUEST_SECONDS)
        try:
            described = [answer.result(REQUEST_SECONDS) for answer in answers.values()]
        except KafkaException:
            return False
        wanted = {topic.name: topic.partitions for topic in created}
        return all(
            len(topic.partitions) >= wanted[topic.name]
            and all(partition.leader is not None for partition in topic.partitions)
            for topic in described
        )

    _until(complete, "the new topics have leaders")


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + REQUEST_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Kafka did not get so far that {what} within {REQUEST_SECONDS:.0f} s")
        time.sleep(0.05)
