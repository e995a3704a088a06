"""Topics, users and rights of a Kafka cluster, made from the catalogue. Repeating it repairs what differs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
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
from shared.contracts.topics import Topic

_TIMEOUT_S: Final = 15.0
"""Each request takes well below a second on a healthy cluster; one that is electing leaders needs a few."""
INTERNAL: Final = ScramMechanism.SCRAM_SHA_256
"""How services sign in. Subscribers do by SCRAM-SHA-512, each on a listener that knows no other."""
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
    existing = admin.list_topics(timeout=_TIMEOUT_S).topics
    settings = {topic.name: settings_of(topic, in_sync) for topic in wanted}
    missing = [topic for topic in wanted if topic.name not in existing]
    if missing:
        new = [
            NewTopic(
                topic.name, num_partitions=topic.partitions, replication_factor=replicas, config=settings[topic.name]
            )
            for topic in missing
        ]
        _wait_all(admin.create_topics(new, request_timeout=_TIMEOUT_S), but=KafkaError.TOPIC_ALREADY_EXISTS)
        _until_visible(admin, missing)
    present = [topic for topic in wanted if topic.name in existing]
    _correct_settings(admin, {topic.name: settings[topic.name] for topic in present})
    there_are = {topic.name: len(existing[topic.name].partitions) for topic in present}
    for topic in present:
        if topic.grows and there_are[topic.name] < topic.partitions:
            _wait_all(
                admin.create_partitions([NewPartitions(topic.name, topic.partitions)], request_timeout=_TIMEOUT_S)
            )
            _until_visible(admin, [topic])
    return [
        f"topic {topic.name} has {there_are[topic.name]} partitions instead of {topic.partitions}"
        for topic in present
        if not topic.grows and there_are[topic.name] != topic.partitions
    ]


def partitions(admin: AdminClient, wanted: Sequence[Topic]) -> dict[str, int]:
    """How many partitions each of these topics has, as far as they are there."""
    existing = admin.list_topics(timeout=_TIMEOUT_S).topics
    return {topic.name: len(existing[topic.name].partitions) for topic in wanted if topic.name in existing}


def users(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Give every user its password, for the services' listener alone: credentials of another mechanism, by which it
    could sign in where subscribers do, are taken away."""
    credentials(admin, passwords)
    everybodys = admin.describe_user_scram_credentials(request_timeout=_TIMEOUT_S)
    described = everybodys.result(_TIMEOUT_S)  # type: ignore[union-attr]  # one answer for all, where none is named
    foreign: list[UserScramCredentialAlteration] = [
        UserScramCredentialDeletion(user, held.mechanism)
        for user, found in described.items()
        for held in found.scram_credential_infos
        if user in (*passwords, *_OWN) and held.mechanism is not INTERNAL
    ]
    if foreign:
        _wait_all(admin.alter_user_scram_credentials(foreign, request_timeout=_TIMEOUT_S))


def credentials(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Set the users' passwords for the services' listener."""
    credential = ScramCredentialInfo(INTERNAL, _ITERATIONS)
    changes: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(user, credential, password.encode()) for user, password in passwords.items()
    ]
    _wait_all(admin.alter_user_scram_credentials(changes, request_timeout=_TIMEOUT_S))


def rights(admin: AdminClient, services: Iterable[Service]) -> None:
    """Give every service's user the rights of the catalogue, and take from it all others."""
    services = list(services)
    wanted = {binding for service in services for binding in bindings(service)}
    present = held(admin, services)
    if wanted - present:
        _wait_all(admin.create_acls(list(wanted - present), request_timeout=_TIMEOUT_S))
    if present - wanted:
        surplus = [
            AclBindingFilter(
                *(
                    acl.restype,
                    acl.name,
                    acl.resource_pattern_type,
                    acl.principal,
                    acl.host,
                    acl.operation,
                    acl.permission_type,
                )
            )
            for acl in present - wanted
        ]
        _wait_all(admin.delete_acls(surplus, request_timeout=_TIMEOUT_S))
    # A change is answered by the controller before the broker, which decides, has heard of it.
    _until(lambda: held(admin, services) == wanted, "the rights are in force")


def held(admin: AdminClient, services: Iterable[Service]) -> set[AclBinding]:
    """The rights that the services' users have now."""
    ours = {f"User:{user}" for service in services for user in service.kafka_users}
    # None matches anything, which the library's annotations leave out.
    anything = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    everybodys = admin.describe_acls(anything, request_timeout=_TIMEOUT_S).result(_TIMEOUT_S)
    return {binding for binding in everybodys if binding.principal in ours}


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
    return {
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        "cleanup.policy": "delete",  # with retention -1: keep everything; compaction would leave gaps in the offsets
        "min.insync.replicas": str(in_sync),
        # An event's time is its own, also when it is published once more. Intake's retention must not follow a
        # sender's clock.
        "message.timestamp.type": "CreateTime" if topic.public else "LogAppendTime",
    }


def _correct_settings(admin: AdminClient, wanted: Mapping[str, Mapping[str, str]]) -> None:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in wanted]
    if not resources:
        return
    changes = []
    for resource, answer in admin.describe_configs(resources, request_timeout=_TIMEOUT_S).items():
        entries = answer.result(_TIMEOUT_S)
        changed = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in wanted[resource.name].items()
            if entries[name].value != value
        ]
        if changed:
            changes.append(ConfigResource(ConfigResource.Type.TOPIC, resource.name, incremental_configs=changed))
    if changes:
        _wait_all(admin.incremental_alter_configs(changes, request_timeout=_TIMEOUT_S))


def _until_visible(admin: AdminClient, created: Sequence[Topic]) -> None:
    """Creation, of topics and of partitions, is answered before every partition is known and has its leader."""

    def complete() -> bool:
        answers = admin.describe_topics(TopicCollection([topic.name for topic in created]), request_timeout=_TIMEOUT_S)
        try:
            described = [answer.result(_TIMEOUT_S) for answer in answers.values()]
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
    deadline = time.monotonic() + _TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Kafka did not get so far that {what} within {_TIMEOUT_S:.0f} s")
        time.sleep(0.05)


def _wait_all(answers: Mapping[Any, Future[Any]], *, but: int | None = None) -> None:
    """Wait for every answer; raises the first error, except those of the code `but`."""
    for answer in answers.values():
        try:
            answer.result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() != but:
                raise
