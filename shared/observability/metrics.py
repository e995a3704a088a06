"""The catalogue of metrics: every metric of every process, with its unit and meaning, in one place."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("jitasa_http_requests_total", "Answered requests.", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "jitasa_http_request_seconds",
    "From a request's first byte to the end of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

CONNECTIONS = Gauge("jitasa_http_connections", "Open connections.")
CONNECTIONS_ENDED = Counter(
    "jitasa_http_connections_ended_total",
    "Connections ended by the server before their time: by what they kept it waiting for, or too many or too large.",
    ["cause"],
)

SUBMISSIONS = Counter("jitasa_intake_submissions_total", "Submissions by what the sender was told.", ["status"])
IN_FLIGHT = Gauge("jitasa_intake_in_flight", "Submissions let in and not yet answered.")
IN_FLIGHT_BYTES = Gauge("jitasa_intake_in_flight_bytes", "Bytes of the bodies let in and not yet answered.")
NO_ROOM = Counter(
    "jitasa_intake_no_room_total",
    "Requests that found no room, or not for all their items: by count, by bytes, or beyond their party's share.",
    ["cause"],
)

CONSUMED = Counter("jitasa_consumer_records_total", "Records taken in committed transactions.", ["topic"])
REPETITIONS = Counter("jitasa_consumer_repetitions_total", "Events dropped as already applied.", ["topic"])
DEAD_LETTERS = Counter("jitasa_consumer_dead_letters_total", "Records put aside as unreadable.", ["topic"])
GAPS = Gauge("jitasa_consumer_gap", "1 while a partition waits for a missing event.", ["topic", "partition"])
POSITION = Gauge("jitasa_consumer_next_offset", "Next offset to be taken.", ["topic", "partition"])
LAG = Gauge(
    "jitasa_consumer_lag",
    "Records beyond the position, in partitions of this process.",
    ["group", "topic", "partition"],
)
OLDEST_SECONDS = Gauge("jitasa_consumer_oldest_seconds", "Age of the oldest record that waits; 0: none.", ["group"])
RECORDS_PER_SECOND = Gauge("jitasa_consumer_records_per_second", "Taken in the last minute.", ["group"])
DRAIN_SECONDS = Gauge("jitasa_consumer_drain_seconds", "Until what waits is taken, at that rate.", ["group"])
TOPIC_EPOCH = Gauge("jitasa_topic_epoch", "How many identities of the topic this consumer has seen.", ["topic"])
TAKE_OVERS = Counter("jitasa_consumer_take_overs_total", "Partitions taken over at an assignment.", ["topic"])
FENCED = Counter("jitasa_consumer_fenced_total", "Times that another owner had taken a partition over.", ["topic"])
BATCH_SECONDS = Histogram(
    "jitasa_consumer_batch_seconds",
    "One batch's database transaction.",
    ["group"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

PUBLISHED = Counter("jitasa_published_events_total", "Events acknowledged by Kafka.", ["topic"])
REPUBLISHED = Counter("jitasa_republished_events_total", "Events published once more at a take-over.", ["topic"])
ADOPTED = Counter(
    "jitasa_adopted_events_total", "Events that Kafka has and a restored database no longer knew.", ["topic"]
)
OUTBOX_DEPTH = Gauge("jitasa_outbox_depth", "Committed changes not yet acknowledged by Kafka.")

RECONCILE_DIFFERENCES = Gauge(
    "jitasa_reconcile_differences",
    "Figures of areas that are not what their owner counts, at the last look.",
    ["owner"],
)
RECONCILED_AT = Gauge("jitasa_reconciled_at_seconds", "When figures were last compared, in seconds since 1970.")

DUTY_TURNS = Counter("jitasa_duty_turns_total", "Turns at what is done by the clock.", ["duty", "outcome"])

NOTICES = Counter("jitasa_notices_total", "Messages of reminders and escalations.", ["stage", "channel", "outcome"])

LIVE_VIEWERS = Gauge("jitasa_live_viewers", "Open live streams.")
LIVE_EVENTS = Counter("jitasa_live_events_total", "Events of the live stream, each made once for all viewers.")
LIVE_SLOW_VIEWERS = Counter("jitasa_live_slow_viewers_total", "Viewers let go since they took events too slowly.")

STREAM_EVENTS = Counter("jitasa_stream_events_total", "Events read for subscribers over HTTP.", ["stream"])
STREAM_GAPS = Counter("jitasa_stream_gaps_total", "Gaps that subscribers were told of.", ["stream", "reason"])
STREAM_READERS = Gauge("jitasa_stream_readers", "Readers of streams at work for subscribers.")
STREAM_CONNECTIONS = Gauge("jitasa_stream_connections", "Open answers with events of streams.")
WEBHOOK_DELIVERIES = Counter(
    "jitasa_webhook_deliveries_total", "Attempts at webhooks, by what came of them.", ["outcome"]
)
WEBHOOKS_AT_WORK = Gauge("jitasa_webhooks_at_work", "Subscriptions to webhooks that this process works on.")

READING_CHAIN_LENGTH = Gauge("jitasa_reading_chain_length", "Readings of personal data that the audit chain covers.")
READING_CHAIN_HEAD = Gauge("jitasa_reading_chain_head", "The first 48 bits of the chain's last hash, as a number.")
READING_CHAIN_BROKEN = Gauge("jitasa_reading_chain_broken", "1 when the chain is not the one that the keeper left.")
REWRAPPED_KEYS = Counter("jitasa_rewrapped_keys_total", "Data keys wrapped anew after a rotation.", ["table"])
RETENTION_ENDED = Counter("jitasa_retention_ended_total", "What the clock destroyed or deleted.", ["purpose"])
