"""What readers get of receivers: the shapes of the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from services.reporting.receivers.store import Ends, Place, Receipt, Receiver
from services.reporting.subscribers.answers import SubscriberAnswer, subscriber_answer
from services.reporting.webhooks.answers import SubscriptionAnswer, subscription_answer
from services.reporting.webhooks.domain import MOST_OF_ONE, State
from services.reporting.webhooks.store import FORM


@dataclass(frozen=True, slots=True)
class PartitionAnswer:
    """Of a consumer group. next_offset: null where it has noted none; waiting: records that are there from it on."""

    partition: int
    next_offset: int | None
    waiting: int


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """A consumer group in one stream. waiting: records that it has not taken; moved_at: when it was last seen to have
    taken some; partitions: those that have records, or a place of it."""

    group: str
    stream: str
    waiting: int
    moved_at: datetime
    partitions: Sequence[PartitionAnswer]


@dataclass(frozen=True, slots=True)
class KafkaAnswer:
    """A subscriber of Kafka, and its groups; none where it notes no places in Kafka."""

    subscriber: SubscriberAnswer
    groups: Sequence[GroupAnswer]


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """A subscription. queued: messages that were read for it and are being sent, of up to 50 at a time; behind: records
    of its streams that it has not come to, null where it has an area."""

    subscription: SubscriptionAnswer
    queued: int
    behind: int | None


@dataclass(frozen=True, slots=True)
class LimitsAnswer:
    """How much there may be, and of what can be counted, is. Kafka tells nobody how much of its quotas is used."""

    webhooks: int
    most_webhooks: int
    most_open_answers: int
    most_events_in_answer: int


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """Somebody who receives the streams. receiver: its account, or a subscriber of Kafka that belongs to none;
    last_at: of the last delivery by any way; failing: webhooks that fail, are disabled, or are not verified."""

    receiver: UUID
    organisation_id: UUID | None
    revoked_at: datetime | None
    last_at: datetime | None
    failing: int
    kafka: Sequence[KafkaAnswer]
    http: Sequence[Receipt]
    webhooks: Sequence[WebhookAnswer]
    limits: LimitsAnswer


@dataclass(frozen=True, slots=True)
class ReceiversAnswer:
    """A page of them; `cursor` leads to the next and is null on the last."""

    receivers: Sequence[ReceiverAnswer]
    cursor: str | None


def receiver_answer(one: Receiver, now: datetime, most_open: int, most_events: int) -> ReceiverAnswer:
    """The receiver as readers get it."""
    kafka = [KafkaAnswer(subscriber_answer(user), list(_groups(places, one.ends))) for user, places in one.kafka]
    times = [receipt.last_at for receipt in one.receipts]
    times += [place.moved_at for _, places in one.kafka for place in places if place.next_offset]
    times += [hook.subscription.delivered_at for hook in one.hooks if hook.subscription.delivered_at is not None]
    return ReceiverAnswer(
        one.key,
        _organisation(one),
        one.revoked_at,
        max(times, default=None),
        sum(_fails(each.subscription.state, each.subscription.attempts) for each in one.hooks),
        kafka,
        [receipt for receipt in one.receipts if receipt.form != FORM],
        [WebhookAnswer(subscription_answer(hook.subscription, now), hook.queued, hook.behind) for hook in one.hooks],
        LimitsAnswer(len(one.hooks), MOST_OF_ONE, most_open, most_events),
    )


def _fails(state: State, attempts: int) -> bool:
    return state in (State.UNVERIFIED, State.DISABLED) or (state in (State.VERIFYING, State.ACTIVE) and attempts > 0)


def _organisation(one: Receiver) -> UUID | None:
    known = [receipt.organisation_id for receipt in one.receipts]
    known += [hook.subscription.organisation_id for hook in one.hooks]
    return next((each for each in known if each is not None), None)


def _groups(places: Sequence[Place], ends: Ends) -> Iterator[GroupAnswer]:
    for (group, stream), found in groupby(places, lambda place: (place.consumer_group, place.stream)):
        inside = list(found)
        at = {place.partition: place.next_offset for place in inside}
        known = {partition: end for partition, end in ends.get(stream, {}).items() if end}
        partitions = [
            PartitionAnswer(each, at.get(each), max(0, known.get(each, 0) - at.get(each, 0)))
            for each in sorted(known.keys() | at.keys())
        ]
        waiting = sum(each.waiting for each in partitions)
        yield GroupAnswer(group, stream, waiting, max(place.moved_at for place in inside), partitions)
