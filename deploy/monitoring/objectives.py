"""The service's objectives, and the rules that say how fast what they allow is being used up.

Each objective is a share of good among all. What it allows, the budget of thirty days, may go at its own pace; an alert
comes when it goes so much faster that it would be gone before anybody noticed (Google's SRE workbook, chapter 5): two
windows each, of which the short one lets the alert end soon after the trouble does.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import yaml


class Objective(NamedTuple):
    """One promise. target: the share that has to be good; bad, all: rates over `[WINDOW]`; runbook: its section."""

    name: str
    target: float
    bad: str
    all: str
    thai: str
    english: str


class Pace(NamedTuple):
    """How fast the budget is used up, seen in a long and in a short window."""

    times: float
    long: str
    short: str
    severity: str


PACES: Final = (
    Pace(14.4, "1h", "5m", "page"),  # 2 % of a month's budget in an hour
    Pace(6, "6h", "30m", "page"),  # 5 % in six hours
    Pace(1, "3d", "6h", "ticket"),  # 10 % in three days
)
ENOUGH: Final = 100
"""Of fewer in a window no share is taken: one slow answer of twenty would wake somebody."""
_SECONDS: Final = {"5m": 300, "30m": 1_800, "1h": 3_600, "6h": 21_600, "3d": 259_200}
_WINDOWS: Final = ("5m", "30m", "1h")
_LONG_WINDOWS: Final = ("6h", "3d")

_MAP: Final = 'service="reporting",method="GET",route=~"/v1/(picture|live|places|help|history|freshness)|/"'
"""What the live map is made of."""
_ANSWERED: Final = 'service="reporting",method="GET",route=~"/v1/(picture|places|help|history|freshness)|/"'
"""Of these, what ends: a live stream lasts for hours."""

OBJECTIVES: Final = (
    Objective(
        "intake_availability",
        0.999,
        'sum(rate(jitasa_intake_submissions_total{status=~"429|503"}[WINDOW]))',
        "sum(rate(jitasa_intake_submissions_total[WINDOW]))",
        "การรับแบบสำรวจปฏิเสธหรือไม่ทราบผลบ่อยเกินเป้าหมาย",
        "Intake refuses submissions, or cannot tell their outcome, more often than its objective allows",
    ),
    Objective(
        "freshness",
        0.99,
        'sum(rate(jitasa_consumer_late_total{group=~"survey-recorder|reporting-projector"}[WINDOW]))',
        'sum(rate(jitasa_consumer_records_total{group=~"survey-recorder|reporting-projector"}[WINDOW]))',
        "ข้อมูลที่รับแล้วเข้าสู่ตัวเลขช้ากว่าเป้าหมาย",
        "What was accepted reaches the figures later than its objective allows",
    ),
    Objective(
        "live_map",
        0.995,
        f'(sum(rate(jitasa_http_requests_total{{{_MAP},status=~"5.."}}[WINDOW])) or vector(0))'
        f" + sum(rate(jitasa_http_request_seconds_count{{{_ANSWERED}}}[WINDOW]))"
        f' - sum(rate(jitasa_http_request_seconds_bucket{{{_ANSWERED},le="1.0"}}[WINDOW]))',
        f"sum(rate(jitasa_http_requests_total{{{_MAP}}}[WINDOW]))",
        "แผนที่สดตอบผิดพลาดหรือช้ากว่าหนึ่งวินาทีบ่อยเกินเป้าหมาย",
        "The live map fails, or takes longer than a second, more often than its objective allows",
    ),
)


def record_of(objective: Objective, window: str) -> str:
    """The name under which the share of bad in a window is recorded."""
    return f"jitasa:{objective.name}:bad_ratio_{window}"


def alert_of(objective: Objective, pace: Pace) -> str:
    """The alert's name, such as IntakeAvailabilityBurn1h."""
    return "".join(word.capitalize() for word in objective.name.split("_")) + f"Burn{pace.long}"


def document() -> str:
    """rules/objectives.yml."""
    groups: list[dict[str, Any]] = []
    for one in OBJECTIVES:
        groups += [
            {"name": one.name, "rules": [*_records(one, _WINDOWS), *_alerts(one, PACES[:1])]},
            {
                "name": f"{one.name}, long",
                "interval": "1m",  # hours change slowly, and cost most to look at
                "rules": [*_records(one, _LONG_WINDOWS), *_alerts(one, PACES[1:])],
            },
        ]
    head = "# Made from deploy/monitoring/objectives.py by `python -m deploy.monitoring.generate`.\n"
    return head + yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=120)


def _records(one: Objective, windows: Sequence[str]) -> Iterator[dict[str, Any]]:
    for window in windows:
        bad, every = one.bad.replace("WINDOW", window), one.all.replace("WINDOW", window)
        enough = f"({every}) > {ENOUGH} / {_SECONDS[window]}"
        # A counter that has never counted is not there.
        yield {"record": record_of(one, window), "expr": f"((({bad}) or vector(0)) / ({enough})) or vector(0)"}


def _alerts(one: Objective, paces: Sequence[Pace]) -> Iterator[dict[str, Any]]:
    for pace in paces:
        allowed = round(pace.times * (1 - one.target), 6)
        yield {
            "alert": alert_of(one, pace),
            "expr": f"{record_of(one, pace.long)} > {allowed} and {record_of(one, pace.short)} > {allowed}",
            "for": "1m",
            "labels": {"severity": pace.severity},
            "annotations": {
                "summary": one.english,
                "summary_th": one.thai,
                "runbook": f"docs/runbooks.md#{one.name.replace('_', '-')}",
            },
        }
