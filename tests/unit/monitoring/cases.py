"""For every alert what makes it fire, and what ends it."""

from typing import Final, NamedTuple

from deploy.monitoring.objectives import OBJECTIVES, PACES, Objective, alert_of


class Case(NamedTuple):
    """series: in the notation of Prometheus' tests, a value every `step` minutes; fires, ends: at which of them the
    alert has to be firing, and has to be over."""

    series: dict[str, str]
    fires: int
    ends: int
    step: int = 1


def _counter(quiet: int, trouble: int, per_minute: int, after: int) -> str:
    """A counter that stands for some minutes, grows for others, and stands again."""
    top = trouble * per_minute
    return f"0x{quiet} {per_minute}+{per_minute}x{trouble - 1} {top}x{after}"


def _gauge(quiet: str, trouble: str, minutes: int, after: int) -> str:
    """A gauge that is well, in trouble for so many minutes, and well again."""
    return f"{quiet}x5 {trouble}x{minutes} {quiet}x{after}"


_UP: Final = '{job="jitasa",service="survey",process="survey-http"}'
_ACCEPTED: Final = 'jitasa_intake_submissions_total{status="202"}'

CASES: Final[dict[str, Case]] = {
    "ProcessDown": Case({f"up{_UP}": _gauge("1", "0", 5, 30)}, 9, 20),
    "ProcessRestartsOften": Case({f"process_start_time_seconds{_UP}": "0x5 100+100x5 600x60"}, 12, 60),
    "FilesNearLimit": Case(
        {f"process_open_fds{_UP}": _gauge("50", "900", 15, 30), f"process_max_fds{_UP}": "1000x60"}, 18, 40
    ),
    "IntakeRefuses": Case(
        {_ACCEPTED: "0+600x60", 'jitasa_intake_submissions_total{status="429"}': _counter(5, 20, 60, 40)}, 22, 45
    ),
    "IntakeOutcomeUnknown": Case({'jitasa_intake_submissions_total{status="503"}': _counter(5, 10, 60, 40)}, 14, 30),
    "KafkaSlow": Case(
        {
            'jitasa_produce_seconds_bucket{topic="survey-intake",le="1.0"}': "0+60x5 300x25 300+60x60",
            'jitasa_produce_seconds_bucket{topic="survey-intake",le="2.5"}': "0+60x100",
            'jitasa_produce_seconds_bucket{topic="survey-intake",le="+Inf"}': "0+60x100",
        },
        28,
        60,
    ),
    "RecordsWaitLong": Case(
        {'jitasa_consumer_oldest_seconds{group="survey-recorder"}': _gauge("2", "1000", 20, 30)}, 20, 40
    ),
    "BacklogOutlastsTheNight": Case(
        {
            'jitasa_consumer_lag{group="survey-recorder",topic="survey-intake",partition="0"}': _gauge(
                "9", "9e6", 30, 30
            ),
            'jitasa_consumer_records_per_second{group="survey-recorder"}': "300x90",
        },
        25,
        50,
    ),
    "ConsumerStandsStill": Case(
        {
            'jitasa_consumer_lag{group="survey-recorder",topic="survey-intake",partition="0"}': _gauge(
                "0", "9", 20, 30
            ),
            'jitasa_consumer_records_per_second{group="survey-recorder"}': _gauge("5", "0", 20, 30),
        },
        12,
        40,
    ),
    "GapOpen": Case({'jitasa_consumer_gap{topic="survey-submitted",partition="3"}': _gauge("0", "1", 20, 30)}, 10, 40),
    "DeadLetters": Case({'jitasa_consumer_dead_letters_total{topic="survey-submitted"}': "0x5 1x120"}, 10, 90),
    "PartitionsChangeHands": Case(
        {'jitasa_consumer_fenced_total{group="survey-recorder"}': _counter(5, 10, 1, 90)}, 14, 60
    ),
    "TopicMadeAnew": Case({'jitasa_topic_epoch{topic="survey-intake"}': "1x5 2x120"}, 10, 90),
    "OutboxWaits": Case({'jitasa_outbox_oldest_seconds{service="facilities"}': _gauge("0", "90", 10, 30)}, 10, 30),
    "PoolExhausted": Case(
        {
            'jitasa_pool_waiting{pool="survey-http"}': _gauge("0", "7", 10, 30),
            'jitasa_pool_in_use{pool="survey-http"}': _gauge("2", "10", 10, 30),
            'jitasa_pool_most{pool="survey-http"}': "10x60",
        },
        12,
        30,
    ),
    "TransactionOpenLong": Case(
        {'jitasa_database_transaction_seconds{service="survey"}': _gauge("0", "300", 10, 30)}, 10, 30
    ),
    "Deadlocks": Case({'jitasa_database_deadlocks{service="reporting"}': "2x5 7x120"}, 10, 90),
    "FiguresDiffer": Case({'jitasa_reconcile_differences{owner="survey"}': _gauge("0", "3", 20, 30)}, 10, 40),
    "NotReconciled": Case({"jitasa_reconciled_at_seconds": "60x240 14400x60"}, 220, 260),
    "DutyFails": Case(
        {'jitasa_duty_turns_total{service="survey",duty="retention",outcome="failed"}': _counter(5, 10, 1, 90)}, 14, 60
    ),
    "ReadingChainBroken": Case({"jitasa_reading_chain_broken": _gauge("0", "1", 10, 30)}, 8, 30),
    "WebhookFailsLong": Case({"jitasa_webhooks_failing_seconds": _gauge("0", "50000", 20, 30)}, 20, 40),
    "WebhooksWait": Case(
        {
            "jitasa_webhooks_waiting": _gauge("0", "50", 30, 30),
            'jitasa_webhook_deliveries_total{outcome="delivered"}': "5x90",
        },
        20,
        50,
    ),
    "ViewersLetGo": Case({"jitasa_live_slow_viewers_total": _counter(5, 20, 120, 40)}, 20, 45),
}


STEPS: Final = (1, 5, 30)
"""Minutes between two values, for each pace: its windows hold enough of them, and Prometheus need not work for long."""


def _of_objective(one: Objective, pace: int) -> Case:
    """Everything bad for a while, then all well for longer than the long window."""
    trouble, after = ((20, 120), (24, 100), (20, 160))[pace]
    bad, good = _counter(5, trouble, 600, after), f"0x{4 + trouble} 0+600x{after}"
    every = f"0x5 0+600x{trouble + after}"
    match one.name:
        case "intake_availability":
            series = {'jitasa_intake_submissions_total{status="503"}': bad, _ACCEPTED: good}
        case "freshness":
            series = {
                'jitasa_consumer_late_total{group="survey-recorder"}': bad,
                'jitasa_consumer_records_total{group="survey-recorder",topic="survey-intake"}': every,
            }
        case _:
            of = 'service="reporting",method="GET",route="/v1/picture"'
            series = {
                f"jitasa_http_request_seconds_count{{{of}}}": every,
                f'jitasa_http_request_seconds_bucket{{{of},le="1.0"}}': good,
                f'jitasa_http_requests_total{{{of},status="200"}}': every,
            }
    return Case(series, trouble + 4, trouble + after - 10, STEPS[pace])


OBJECTIVE_CASES: Final = [
    {alert_of(one, each): _of_objective(one, number) for one in OBJECTIVES} for number, each in enumerate(PACES)
]
"""By pace."""
