"""What owners get of their subscriptions: the shapes of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reporting.webhooks.domain import Cause, Reason, State, Subscription
from services.reporting.webhooks.store import Failure


@dataclass(frozen=True, slots=True)
class SubscriptionAnswer:
    """One subscription. types: null for all; at_once: deliveries on their way, at most; failed_attempts, failing_since:
    of the delivery that is tried now; next_attempt_at: when it is tried again, null where nothing is;
    two_secrets_until: until when deliveries bear two signatures."""

    subscription_id: UUID
    url: str
    area: str
    streams: Sequence[str]
    types: Sequence[str] | None
    at_once: int
    state: State
    reason: Reason | None
    state_at: datetime
    created_at: datetime
    failed_attempts: int
    failing_since: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    two_secrets_until: datetime | None


@dataclass(frozen=True, slots=True)
class SubscriptionsAnswer:
    """All subscriptions of the account, the oldest first."""

    subscriptions: Sequence[SubscriptionAnswer]


@dataclass(frozen=True, slots=True)
class SubscriptionWithSecret:
    """A subscription and its secret, which is shown this once."""

    subscription: SubscriptionAnswer
    secret: str


@dataclass(frozen=True, slots=True)
class FailureAnswer:
    """A delivery that failed. stream: null for a verification; status: of the answer, where there was one;
    next_attempt_at: null where none was to come."""

    failed_at: datetime
    stream: str | None
    event_id: str
    attempt: int
    cause: Cause
    status: int | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailuresAnswer:
    """The newest first; `cursor` leads to the older ones and is null at the end."""

    failures: Sequence[FailureAnswer]
    cursor: str | None


def subscription_answer(one: Subscription, now: datetime) -> SubscriptionAnswer:
    """The subscription as its owner gets it."""
    waits = one.state in (State.VERIFYING, State.ACTIVE) and one.attempts > 0
    two = one.previous_until is not None and now < one.previous_until
    return SubscriptionAnswer(
        one.subscription_id,
        one.url,
        one.area,
        one.streams,
        one.types,
        one.at_once,
        one.state,
        one.reason,
        one.state_at,
        one.created_at,
        one.attempts,
        one.failing_since,
        one.next_attempt_at if waits else None,
        one.delivered_at,
        one.previous_until if two else None,
    )


def failures_answer(found: Sequence[Failure], limit: int) -> FailuresAnswer:
    """A page of up to `limit`, of one more that were looked for."""
    page = found[:limit]
    answers = [
        FailureAnswer(
            each.failed_at, each.stream, each.event_id, each.attempt, each.cause, each.status, each.next_attempt_at
        )
        for each in page
    ]
    return FailuresAnswer(answers, str(page[-1].id) if len(found) > limit else None)
