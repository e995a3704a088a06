"""The catalogue of metrics: every metric of every process, with its type, unit, labels and meaning, in one place.

docs/metrics.md is made from it (`python -m deploy.monitoring.generate`); a test holds both to the code, both ways.
Whatever is told for each record is told by the batch: at 15,000 records a second a count of each would be felt.
"""

from typing import Final, NamedTuple

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# When each child was made: a third of every answer, and nobody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client's own


class Described(NamedTuple):
    """One metric as the document tells of it. name: as Prometheus stores it; a histogram's series add `_bucket`, `_sum`
    and `_count`."""

    name: str
    type: str
    unit: str
    labels: tuple[str, ...]
    meaning: str


CATALOGUE: Final[dict[str, Described]] = {}
"""By name, in the order of this module."""

LABELS: Final = {
    "cause": "why, in a stable word",
    "channel": "sms or email",
    "duty": "what is done by the clock",
    "group": "consumer group: recorder, lister, projector and so on",
    "key": "of the ring: k1, k2 and so on",
    "method": "of HTTP",
    "outcome": "what came of it",
    "owner": "the service whose counts the figures are held to",
    "partition": "number within the topic",
    "pool": "whose connections: the name that PostgreSQL shows as application",
    "purpose": "of what was kept",
    "reason": "of a gap, as subscribers are told",
    "route": "the route's template; `files`: what pages load; never a path, which may hold an id",
    "stage": "of reminders and escalations",
    "state": "of a session: active, idle, idle in transaction",
    "status": "of HTTP; of a batch's item as if it had come alone",
    "stream": "public topic, as subscribers call it",
    "table": "of the database",
    "topic": "of Kafka",
    "use": "of a sealing key: seals, or opens what was sealed under it",
}

QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds of what somebody waits for."""
LONG: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Seconds of what may wait through a surge."""


def _described(name: str, kind: str, unit: str, labels: tuple[str, ...], meaning: str) -> None:
    CATALOGUE[name] = Described(name, kind, unit, labels, meaning)


def _counter(name: str, unit: str, meaning: str, *labels: str) -> Counter:
    _described(name, "counter", unit, labels, meaning)
    return Counter(name, meaning, labels)


def _gauge(name: str, unit: str, meaning: str, *labels: str) -> Gauge:
    _described(name, "gauge", unit, labels, meaning)
    return Gauge(name, meaning, labels)


def _histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = QUICK) -> Histogram:
    _described(name, "histogram", "seconds", labels, meaning)
    return Histogram(name, meaning, labels, buckets=buckets)


HTTP_REQUESTS = _counter("jitasa_http_requests_total", "requests", "Answered requests.", "method", "route", "status")
HTTP_SECONDS = _histogram(
    "jitasa_http_request_seconds", "From a request's first byte to the end of its answer.", "method", "route"
)
CONNECTIONS = _gauge("jitasa_http_connections", "connections", "Open connections.")
CONNECTIONS_ENDED = _counter(
    "jitasa_http_connections_ended_total",
    "connections",
    "Connections ended by the server before their time: by what they kept it waiting for, or too many or too large.",
    "cause",
)

SUBMISSIONS = _counter(
    "jitasa_intake_submissions_total", "submissions", "Submissions by what the sender was told.", "status"
)
IN_FLIGHT = _gauge("jitasa_intake_in_flight", "submissions", "Submissions let in and not yet answered.")
IN_FLIGHT_BYTES = _gauge("jitasa_intake_in_flight_bytes", "bytes", "Bytes of the bodies let in and not yet answered.")
ROOM = _gauge(
    "jitasa_intake_room", "submissions", "Submissions that may be in flight: fewer while batches are answered late."
)
NO_ROOM = _counter(
    "jitasa_intake_no_room_total",
    "requests",
    "Requests that found no room, or not for all their items: by count, by bytes, or beyond their party's share.",
    "cause",
)

CONSUMED = _counter(
    "jitasa_consumer_records_total", "records", "Records taken in committed transactions.", "group", "topic"
)
REPETITIONS = _counter("jitasa_consumer_repetitions_total", "events", "Events dropped as already applied.", "topic")
DEAD_LETTERS = _counter("jitasa_consumer_dead_letters_total", "records", "Records put aside as unreadable.", "topic")
GAPS = _gauge("jitasa_consumer_gap", "0 or 1", "1 while a partition waits for a missing event.", "topic", "partition")
POSITION = _gauge("jitasa_consumer_next_offset", "offset", "Next offset to be taken.", "topic", "partition")
LAG = _gauge(
    "jitasa_consumer_lag",
    "records",
    "Records beyond the position, in partitions of this process.",
    "group",
    "topic",
    "partition",
)
OLDEST_SECONDS = _gauge(
    "jitasa_consumer_oldest_seconds", "seconds", "Age of the oldest record that waits; 0: none.", "group"
)
RECORDS_PER_SECOND = _gauge(
    "jitasa_consumer_records_per_second", "records per second", "Taken in the last minute.", "group"
)
DRAIN_SECONDS = _gauge("jitasa_consumer_drain_seconds", "seconds", "Until what waits is taken, at that rate.", "group")
AGE_SECONDS = _histogram(
    "jitasa_consumer_age_seconds",
    "How old a batch's oldest record was when its effects were committed: how fresh what is made of it can be.",
    "group",
    buckets=LONG,
)
LATE = _counter(
    "jitasa_consumer_late_total",
    "records",
    "Records taken beside one of their partition that was older than 30 s: too many are counted rather than too few.",
    "group",
)
TOPIC_EPOCH = _gauge(
    "jitasa_topic_epoch", "identities", "How many identities of the topic this consumer has seen.", "topic"
)
TAKE_OVERS = _counter(
    "jitasa_consumer_take_overs_total", "partitions", "Partitions taken over at an assignment.", "topic"
)
FENCED = _counter("jitasa_consumer_fenced_total", "times", "Another owner had taken a partition over.", "group")
BATCH_SECONDS = _histogram("jitasa_consumer_batch_seconds", "One batch's database transaction.", "group")

PUBLISHED = _counter("jitasa_published_events_total", "events", "Events acknowledged by Kafka.", "topic")
REPUBLISHED = _counter(
    "jitasa_republished_events_total", "events", "Events published once more at a take-over.", "topic"
)
ADOPTED = _counter(
    "jitasa_adopted_events_total", "events", "Events that Kafka has and a restored database no longer knew.", "topic"
)
PRODUCE_SECONDS = _histogram(
    "jitasa_produce_seconds", "From a produce batch's sending until all in-sync replicas have it.", "topic"
)
OUTBOX_DEPTH = _gauge("jitasa_outbox_depth", "events", "Committed changes not yet acknowledged by Kafka.")
OUTBOX_OLDEST_SECONDS = _gauge("jitasa_outbox_oldest_seconds", "seconds", "Age of the oldest of them; 0: none.")

POOL_SIZE = _gauge("jitasa_pool_size", "connections", "Open connections to the database.", "pool")
POOL_MOST = _gauge("jitasa_pool_most", "connections", "As many may be open.", "pool")
POOL_IN_USE = _gauge("jitasa_pool_in_use", "connections", "Lent at the moment.", "pool")
POOL_WAITING = _gauge("jitasa_pool_waiting", "tasks", "Waiting for a connection, or for a new one to open.", "pool")
POOL_TIMED_OUT = _counter("jitasa_pool_timed_out_total", "times", "None was free, or to be had, in time.", "pool")
DATABASE_BYTES = _gauge("jitasa_database_bytes", "bytes", "Size of the service's database on the disk.")
DATABASE_SESSIONS = _gauge("jitasa_database_sessions", "sessions", "Sessions at the service's database.", "state")
DATABASE_TRANSACTION_SECONDS = _gauge(
    "jitasa_database_transaction_seconds", "seconds", "Age of the oldest open transaction; 0: none."
)
DATABASE_COMMITS = _gauge(
    "jitasa_database_commits", "transactions", "Committed in the service's database since its statistics began."
)
DATABASE_DEADLOCKS = _gauge(
    "jitasa_database_deadlocks", "deadlocks", "Ended in the service's database since its statistics began."
)

RECONCILE_DIFFERENCES = _gauge(
    "jitasa_reconcile_differences",
    "figures",
    "Figures of areas that are not what their owner counts, at the last look.",
    "owner",
)
RECONCILED_AT = _gauge("jitasa_reconciled_at_seconds", "seconds since 1970", "When figures were last compared.")

DUTY_TURNS = _counter("jitasa_duty_turns_total", "turns", "Turns at what is done by the clock.", "duty", "outcome")

NOTICES = _counter(
    "jitasa_notices_total", "messages", "Messages of reminders and escalations.", "stage", "channel", "outcome"
)

LIVE_VIEWERS = _gauge("jitasa_live_viewers", "viewers", "Open live streams.")
LIVE_EVENTS = _counter(
    "jitasa_live_events_total", "events", "Events of the live stream, each made once for all viewers."
)
LIVE_SLOW_VIEWERS = _counter(
    "jitasa_live_slow_viewers_total", "viewers", "Viewers let go since they took events too slowly."
)

STREAM_EVENTS = _counter("jitasa_stream_events_total", "events", "Events read for subscribers over HTTP.", "stream")
STREAM_GAPS = _counter("jitasa_stream_gaps_total", "gaps", "Gaps that subscribers were told of.", "stream", "reason")
STREAM_READERS = _gauge("jitasa_stream_readers", "readers", "Readers of streams at work for subscribers.")
STREAM_CONNECTIONS = _gauge("jitasa_stream_connections", "connections", "Open answers with events of streams.")
WEBHOOK_DELIVERIES = _counter(
    "jitasa_webhook_deliveries_total", "attempts", "Attempts at webhooks, by what came of them.", "outcome"
)
WEBHOOKS_AT_WORK = _gauge(
    "jitasa_webhooks_at_work", "subscriptions", "Subscriptions to webhooks that this process works on."
)
WEBHOOKS_WAITING = _gauge("jitasa_webhooks_waiting", "messages", "Read for webhooks and not yet delivered.")
WEBHOOKS_FAILING = _gauge(
    "jitasa_webhooks_failing", "subscriptions", "Whose last attempt failed, and which are tried again."
)
WEBHOOKS_FAILING_SECONDS = _gauge(
    "jitasa_webhooks_failing_seconds", "seconds", "Since when the one has failed that fails longest; 0: none."
)

READING_CHAIN_LENGTH = _gauge(
    "jitasa_reading_chain_length", "readings", "Readings of personal data that the audit chain covers."
)
READING_CHAIN_HEAD = _gauge(
    "jitasa_reading_chain_head", "number", "The first 48 bits of the chain's last hash, as a number."
)
READING_CHAIN_BROKEN = _gauge(
    "jitasa_reading_chain_broken", "0 or 1", "1 when the chain is not the one that the keeper left."
)
SEALING_KEYS = _gauge(
    "jitasa_sealing_keys", "1", "1 for each sealing key that the process has read; one of them seals.", "key", "use"
)
REWRAPPED_KEYS = _counter("jitasa_rewrapped_keys_total", "keys", "Data keys wrapped anew after a rotation.", "table")
RETENTION_ENDED = _counter("jitasa_retention_ended_total", "rows", "What the clock destroyed or deleted.", "purpose")
