"""What is sent to whom, how often it is tried, and when it ends. Rules only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.contracts.topics import Topic

MOST_SUBSCRIPTIONS: Final = 200
"""Not ended. One process has room for all of them, each with a task, a connection and a piece of its own."""
MOST_OF_ONE: Final = 20
"""Of one account, ended ones included."""

MOST_AT_ONCE: Final = 8
"""Deliveries of one subscription that are on their way, each of another partition, if it wants so many: over a line of
50 ms 160 events a second."""

FIRST_RETRY: Final = timedelta(seconds=5)
LONGEST_RETRY: Final = timedelta(hours=6)
"""A receiver that comes back is found within six hours; one that is away for three days is asked some 20 times."""
DISABLED_AFTER: Final = timedelta(days=3)
"""Of failures without a success between them: a long week-end."""
MOST_RETRY_AFTER: Final = timedelta(days=1)
"""What a receiver asks for beyond this is cut: one that is away for longer is asked once a day."""
VERIFICATIONS: Final = 8
"""Attempts at a challenge, over some ten minutes; then the owner has to ask again."""
TWO_SECRETS: Final = timedelta(hours=24)
"""For so long after a rotation both secrets sign."""
_DOUBLINGS: Final = 20


class State(StrEnum):
    """Of a subscription."""

    VERIFYING = "verifying"
    """The endpoint is asked whether it wants this, before anything is sent to it."""
    UNVERIFIED = "unverified"
    """It did not answer as it should; the owner may ask for another verification."""
    ACTIVE = "active"
    DISABLED = "disabled"
    """Nothing is sent until the owner has the endpoint verified again; then it goes on where it stood."""
    ENDED = "ended"
    """For good."""


class Reason(StrEnum):
    """Why a subscription is in its state."""

    CHALLENGE_NOT_ANSWERED = "challenge_not_answered"
    FAILED_TOO_LONG = "failed_too_long"
    ACCOUNT_BARRED = "account_barred"
    ACCOUNT_MOVED = "account_moved"
    STREAM_NOT_GRANTED = "stream_not_granted"
    """The register of subscribers grants the account less, or no more at all."""
    GONE = "gone"
    """The endpoint answered 410."""
    REVOKED = "revoked"
    """The centre ended it, with all that the account received."""


class Cause(StrEnum):
    """Why a delivery failed."""

    STATUS = "status"
    """The answer was not of the kind 2xx."""
    REDIRECT = "redirect"
    """Redirects are not followed."""
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    """No connection, no TLS that could be trusted, or no HTTP."""
    ADDRESS = "address_refused"
    """The name leads, at least once, to an address that is nobody's in public."""
    NAME = "name_not_found"
    CHALLENGE = "challenge_not_answered"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an account has sent to it. area: of the events; types: None for all; at_once: deliveries on their way, at
    most."""

    subscription_id: UUID
    subscriber: UUID
    organisation_id: UUID | None
    role: str
    url: str
    area: str
    streams: tuple[str, ...]
    types: tuple[str, ...] | None
    at_once: int
    state: State
    reason: Reason | None
    state_at: datetime
    created_at: datetime
    attempts: int
    failing_since: datetime | None
    next_attempt_at: datetime
    delivered_at: datetime | None
    previous_until: datetime | None
    revision: int

    def topics(self, known: Sequence[Topic]) -> list[Topic]:
        """The streams of which it gets events."""
        return [topic for topic in known if chosen(topic, self.streams, self.types)]


def chosen(topic: Topic, streams: Sequence[str], types: Sequence[str] | None) -> bool:
    """Whether the filters let anything of this stream through: each has events of one type."""
    return topic.name in streams and (types is None or topic.event_type in types)


def retry_in(attempts: int, chance: float) -> timedelta:
    """How long to wait after so many failures, 1 or more. chance: 0 to 1, so that not all come back at once."""
    doubled: int = 2 ** min(attempts - 1, _DOUBLINGS)
    wait = min(FIRST_RETRY * doubled, LONGEST_RETRY)
    return wait * (0.75 + 0.25 * chance)


def asked_to_wait(retry_after: str | None, now: datetime) -> timedelta:
    """What a Retry-After header asks for: seconds, or a date. Nothing where it is neither."""
    if retry_after is None:
        return timedelta()
    text = retry_after.strip()
    try:
        if text.isascii() and text.isdigit():
            wait = timedelta(seconds=min(int(text[:10]), MOST_RETRY_AFTER.total_seconds()))
        else:
            moment = parsedate_to_datetime(text)
            wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return timedelta()
    return min(max(wait, timedelta()), MOST_RETRY_AFTER)
