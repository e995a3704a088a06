"""What is known of receivers: read for one of them or a page, and how one is ended."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.reporting.streams.position import unpack
from services.reporting.subscribers import store as subscribers
from services.reporting.subscribers.domain import Subscriber
from services.reporting.webhooks import store as webhooks
from services.reporting.webhooks.domain import Reason, Subscription
from shared.postgres.pool import Connection

# A subscriber of Kafka that belongs to no account stands for itself.
KEYS: Final = """
SELECT key
FROM (
    SELECT coalesce(client_id, subscriber_id) FROM subscriber
    UNION SELECT subscriber FROM webhook_subscription
    UNION SELECT subscriber FROM stream_receiver
) AS receiver (key)
WHERE key > $1
ORDER BY key
LIMIT $2
"""

SUBSCRIBERS: Final = f"""
SELECT {subscribers.COLUMNS} FROM subscriber WHERE coalesce(client_id, subscriber_id) = ANY ($1::uuid[])
"""  # noqa: S608 - that module's names

PLACES: Final = """
SELECT subscriber_id, consumer_group, stream, partition, next_offset, moved_at
FROM subscriber_place
WHERE subscriber_id = ANY ($1::uuid[])
ORDER BY subscriber_id, consumer_group, stream, partition
"""

RECEIPTS: Final = """
SELECT subscriber, organisation_id, stream, form, area, events, last_at
FROM stream_receiver WHERE subscriber = ANY ($1::uuid[])
ORDER BY subscriber, stream, form, area
"""

SUBSCRIPTIONS: Final = f"""
SELECT {webhooks.COLUMNS} FROM webhook_subscription WHERE subscriber = ANY ($1::uuid[])
ORDER BY subscriber, created_at, subscription_id
"""  # noqa: S608 - that module's names

QUEUED: Final = """
SELECT subscription_id, count(*) AS queued FROM webhook_message WHERE subscription_id = ANY ($1::uuid[]) GROUP BY 1
"""
POSITIONS: Final = """
SELECT subscription_id, stream, position FROM webhook_position WHERE subscription_id = ANY ($1::uuid[])
"""
ENDS: Final = "SELECT topic, partition, end_offset FROM stream_end"

REVOKED: Final = "SELECT account, revoked_at FROM receiver_revocation WHERE account = ANY ($1::uuid[])"

IS_REVOKED: Final = "SELECT EXISTS (SELECT FROM receiver_revocation WHERE account = $1)"
NOTE_REVOCATION: Final = """
INSERT INTO receiver_revocation (account, reason, revoked_by, revoked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (account) DO NOTHING
"""
KAFKA_OF: Final = """
SELECT subscriber_id FROM subscriber WHERE coalesce(client_id, subscriber_id) = $1 AND revoked_at IS NULL
"""

Ends = Mapping[str, Mapping[int, int]]
"""Where each partition of a stream ends, as it was last measured."""


@dataclass(frozen=True, slots=True)
class Place:
    """Of a consumer group in one partition. moved_at: when it was last seen to have moved."""

    consumer_group: str
    stream: str
    partition: int
    next_offset: int
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an account got of a stream in one form (`ndjson`, `batch`, `sse`, `webhook`) and area: how many events in
    all, and when last."""

    organisation_id: UUID | None
    stream: str
    form: str
    area: str
    events: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Hook:
    """A subscription with what waits. queued: messages that were read for it and are being sent; behind: records of its
    streams that were not looked at, None where it has an area: their growth would tell what happens elsewhere."""

    subscription: Subscription
    queued: int
    behind: int | None


@dataclass(frozen=True, slots=True)
class Receiver:
    """One receiver. key: its account at registration; of a subscriber of Kafka without one, the subscriber's id."""

    key: UUID
    revoked_at: datetime | None
    kafka: Sequence[tuple[Subscriber, Sequence[Place]]]
    receipts: Sequence[Receipt]
    hooks: Sequence[Hook]
    ends: Ends


async def page(connection: Connection, after: UUID, limit: int) -> Sequence[Receiver]:
    """Everybody who receives or may, in the order of their keys, behind that one."""
    return await receivers(connection, [row["key"] for row in await connection.fetch(KEYS, after, limit)])


async def receivers(connection: Connection, keys: Sequence[UUID]) -> Sequence[Receiver]:
    """These receivers, in this order; one of whom nothing is known has nothing."""
    revoked = {row["account"]: row["revoked_at"] for row in await connection.fetch(REVOKED, keys)}
    ends = await _ends(connection)
    kafka = await _kafka(connection, keys)
    receipts: dict[UUID, list[Receipt]] = defaultdict(list)
    for subscriber, *rest in await connection.fetch(RECEIPTS, keys):
        receipts[subscriber].append(Receipt(*rest))
    hooks = await _hooks(connection, keys, ends)
    return [Receiver(key, revoked.get(key), kafka[key], receipts[key], hooks[key], ends) for key in keys]


async def is_revoked(connection: Connection, account: UUID) -> bool:
    """Whether nothing is given to the account any more."""
    return bool(await connection.fetchval(IS_REVOKED, account))


async def revoke(connection: Connection, key: UUID, reason: str, *, by: UUID, now: datetime) -> None:
    """Ends a receiver for good, by every way. In a transaction. Processes that send notice by the revision."""
    await connection.execute(NOTE_REVOCATION, key, reason, by, now)
    for (subscriber_id,) in await connection.fetch(KAFKA_OF, key):
        await subscribers.revoke(connection, subscriber_id, reason, by=by, now=now)
    await webhooks.end(connection, key, Reason.REVOKED, now)


async def _kafka(
    connection: Connection, keys: Sequence[UUID]
) -> Mapping[UUID, list[tuple[Subscriber, Sequence[Place]]]]:
    found = [subscribers.subscriber_of(row) for row in await connection.fetch(SUBSCRIBERS, keys)]
    places: dict[UUID, list[Place]] = defaultdict(list)
    for subscriber_id, *rest in await connection.fetch(PLACES, [one.subscriber_id for one in found]):
        places[subscriber_id].append(Place(*rest))
    by_key: dict[UUID, list[tuple[Subscriber, Sequence[Place]]]] = defaultdict(list)
    for one in found:
        by_key[one.client_id or one.subscriber_id].append((one, places[one.subscriber_id]))
    return by_key


async def _ends(connection: Connection) -> Ends:
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for topic, partition, end in await connection.fetch(ENDS):
        found[topic][partition] = end
    return dict(found)


async def _hooks(connection: Connection, keys: Sequence[UUID], ends: Ends) -> Mapping[UUID, list[Hook]]:
    found = [webhooks.subscription_of(row) for row in await connection.fetch(SUBSCRIPTIONS, keys)]
    ids = [one.subscription_id for one in found]
    queued = {row["subscription_id"]: row["queued"] for row in await connection.fetch(QUEUED, ids)}
    behind: dict[UUID, int] = defaultdict(int)
    for subscription_id, stream, packed in await connection.fetch(POSITIONS, ids):
        places = unpack(packed).places
        for partition, end in ends.get(stream, {}).items():
            behind[subscription_id] += max(0, end - (places[partition].next_offset if partition < len(places) else 0))
    by_key: dict[UUID, list[Hook]] = defaultdict(list)
    for one in found:
        beyond = None if one.area else behind[one.subscription_id]
        by_key[one.subscriber].append(Hook(one, queued.get(one.subscription_id, 0), beyond))
    return by_key
