"""What stands on which dashboard. A counter that may never have counted gives nought, not nothing."""

from typing import Final

from deploy.monitoring.dashboards.grafana import INTERVAL, Line, Page, Panel
from deploy.monitoring.objectives import OBJECTIVES, record_of


def _rate(counter: str, by: str = "", labels: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({counter}{labels}[{INTERVAL}]))"


def _or_nought(query: str) -> str:
    return f"{query} or vector(0)"


def _quantile(part: float, histogram: str, by: str = "", labels: str = "") -> str:
    inner = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, sum by ({inner}) (rate({histogram}_bucket{labels}[{INTERVAL}])))"


_ENDING: Final = '{route!~"/v1/live|/v1/help-requests/live|/v1/streams/.*"}'
"""Requests that end by themselves: a live stream lasts for hours."""

OVERVIEW: Final = Page(
    "overview",
    "ภาพรวม",
    "Overview",
    (
        Panel(
            "แบบสำรวจต่อวินาที",
            "Submissions a second",
            "cps",
            (
                Line(_rate("jitasa_intake_submissions_total", labels='{status="202"}'), "รับแล้ว · accepted"),
                Line(
                    _or_nought(_rate("jitasa_intake_submissions_total", labels='{status!="202"}')),
                    "ไม่รับ · not accepted",
                ),
            ),
        ),
        Panel(
            "ค้างอยู่",
            "Waiting",
            "short",
            (Line("sum by (group) (jitasa_consumer_lag)", "{{group}}"),),
        ),
        Panel(
            "อายุข้อมูลเมื่อเข้าสู่ตัวเลข (p99)",
            "Age when taken (p99)",
            "s",
            (Line(_quantile(0.99, "jitasa_consumer_age_seconds", "group"), "{{group}}"),),
        ),
        Panel(
            "ส่วนที่ไม่เป็นไปตามเป้าหมาย (1 ชม.)",
            "Short of the objective (1 h)",
            "percentunit",
            tuple(Line(record_of(one, "1h"), one.name.replace("_", " ")) for one in OBJECTIVES),
        ),
        Panel(
            "ตัวเลขที่ต่างจากเจ้าของข้อมูล",
            "Figures that differ",
            "short",
            (Line(_or_nought("max by (owner) (jitasa_reconcile_differences)"), "{{owner}}"),),
        ),
        Panel(
            "ขาดหายและอ่านไม่ได้",
            "Gaps and dead letters",
            "short",
            (
                Line(_or_nought("sum(jitasa_consumer_gap)"), "ขาดหาย · gaps"),
                Line(
                    _or_nought("sum(increase(jitasa_consumer_dead_letters_total[1h]))"), "อ่านไม่ได้ · dead letters, 1 h"
                ),
            ),
        ),
        Panel(
            "โปรเซสที่ตอบ",
            "Processes that answer",
            "short",
            (Line('sum by (service) (up{job="jitasa"})', "{{service}}"),),
        ),
        Panel(
            "ซีพียูต่อโปรเซส",
            "Processor by process",
            "percentunit",
            (Line(f"sum by (process) (rate(process_cpu_seconds_total[{INTERVAL}]))", "{{process}}"),),
        ),
    ),
)

INTAKE: Final = Page(
    "intake",
    "การรับแบบสำรวจ",
    "Intake",
    (
        Panel(
            "คำตอบตามสถานะ",
            "Answers by status",
            "cps",
            (Line(_rate("jitasa_intake_submissions_total", "status"), "{{status}}"),),
        ),
        Panel(
            "เวลาที่ตอบ",
            "Time to answer",
            "s",
            tuple(
                Line(
                    _quantile(part, "jitasa_http_request_seconds", labels='{service="survey",method="POST"}'),
                    f"p{int(part * 100)}",
                )
                for part in (0.5, 0.95, 0.99)
            ),
        ),
        Panel(
            "กำลังรับอยู่",
            "In flight",
            "short",
            (Line("sum(jitasa_intake_in_flight)", "ยังไม่ตอบ · not yet answered"),),
        ),
        Panel(
            "ไม่มีที่ว่าง ตามสาเหตุ",
            "No room, by cause",
            "cps",
            (Line(_rate("jitasa_intake_no_room_total", "cause"), "{{cause}}"),),
        ),
        Panel(
            "คำขอต่อเส้นทาง",
            "Requests by route",
            "reqps",
            (Line(_rate("jitasa_http_requests_total", "service, route"), "{{service}} {{route}}"),),
        ),
        Panel(
            "ข้อผิดพลาดต่อเส้นทาง",
            "Errors by route",
            "reqps",
            (
                Line(
                    _or_nought(
                        _rate("jitasa_http_requests_total", "service, route", '{status=~"5..",route!="/readyz"}')
                    ),
                    "{{service}} {{route}}",
                ),
            ),
        ),
        Panel(
            "เวลาที่ตอบต่อบริการ (p99)",
            "Time to answer by service (p99)",
            "s",
            (Line(_quantile(0.99, "jitasa_http_request_seconds", "service", _ENDING), "{{service}}"),),
        ),
        Panel(
            "การเชื่อมต่อ",
            "Connections",
            "short",
            (
                Line("sum by (process) (jitasa_http_connections)", "{{process}}"),
                Line(_or_nought(_rate("jitasa_http_connections_ended_total")), "ถูกตัด · ended, per s"),
            ),
        ),
    ),
)

LAG: Final = Page(
    "lag",
    "การบันทึกและตัวเลข",
    "Recorder and projector",
    (
        Panel("ค้างอยู่", "Waiting", "short", (Line("sum by (group) (jitasa_consumer_lag)", "{{group}}"),)),
        Panel(
            "เก่าสุดที่รอ",
            "Oldest that waits",
            "s",
            (Line("max by (group) (jitasa_consumer_oldest_seconds)", "{{group}}"),),
        ),
        Panel(
            "บันทึกต่อวินาที",
            "Taken a second",
            "cps",
            (Line(_rate("jitasa_consumer_records_total", "group"), "{{group}}"),),
        ),
        Panel(
            "จะหมดภายใน",
            "Drained in",
            "s",
            (
                Line(
                    "sum by (group) (jitasa_consumer_lag)"
                    " / clamp_min(sum by (group) (jitasa_consumer_records_per_second), 0.001)",
                    "{{group}}",
                ),
            ),
        ),
        Panel(
            "ทรานแซกชันต่อชุด (p95)",
            "A batch's transaction (p95)",
            "s",
            (Line(_quantile(0.95, "jitasa_consumer_batch_seconds", "group"), "{{group}}"),),
        ),
        Panel(
            "เกิน 30 วินาที",
            "Later than 30 s",
            "cps",
            (Line(_rate("jitasa_consumer_late_total", "group"), "{{group}}"),),
        ),
        Panel(
            "พาร์ทิชันที่รับช่วง",
            "Partitions taken over",
            "short",
            (Line(f"sum by (topic) (increase(jitasa_consumer_take_overs_total[{INTERVAL}]))", "{{topic}}"),),
        ),
        Panel(
            "งานตามเวลา",
            "Duties by outcome",
            "cps",
            (Line(_rate("jitasa_duty_turns_total", "duty, outcome"), "{{duty}} {{outcome}}"),),
        ),
    ),
)

STORES: Final = Page(
    "stores",
    "Kafka และ PostgreSQL",
    "Kafka and PostgreSQL",
    (
        Panel(
            "เผยแพร่ต่อวินาที",
            "Published a second",
            "cps",
            (Line(_rate("jitasa_published_events_total", "topic"), "{{topic}}"),),
        ),
        Panel(
            "Kafka ตอบรับ (p99)",
            "Kafka acknowledges (p99)",
            "s",
            (Line(_quantile(0.99, "jitasa_produce_seconds", "topic"), "{{topic}}"),),
        ),
        Panel("รอส่งเข้า Kafka", "Outbox", "short", (Line("max by (service) (jitasa_outbox_depth)", "{{service}}"),)),
        Panel("ขนาดฐานข้อมูล", "Databases", "bytes", (Line("max by (service) (jitasa_database_bytes)", "{{service}}"),)),
        Panel(
            "ทรานแซกชันต่อวินาที",
            "Transactions a second",
            "cps",
            (Line(f"max by (service) (rate(jitasa_database_commits[{INTERVAL}]))", "{{service}}"),),
        ),
        Panel(
            "เซสชัน",
            "Sessions",
            "short",
            (Line("max by (service, state) (jitasa_database_sessions)", "{{service}} {{state}}"),),
        ),
        Panel(
            "การเชื่อมต่อที่ใช้อยู่",
            "Connections lent, of all that may be open",
            "percentunit",
            (Line("max by (pool) (jitasa_pool_in_use / jitasa_pool_most)", "{{pool}}"),),
        ),
        Panel(
            "รอการเชื่อมต่อ",
            "Waiting for a connection",
            "short",
            (Line("max by (pool) (jitasa_pool_waiting)", "{{pool}}"),),
        ),
    ),
)

SUBSCRIBERS: Final = Page(
    "subscribers",
    "ผู้รับข้อมูล",
    "Subscribers",
    (
        Panel("ผู้ชมสด", "Viewers", "short", (Line("sum by (service) (jitasa_live_viewers)", "{{service}}"),)),
        Panel(
            "เหตุการณ์สดต่อวินาที",
            "Live events a second",
            "cps",
            (
                Line(_rate("jitasa_live_events_total"), "ส่ง · made"),
                Line(_rate("jitasa_live_slow_viewers_total"), "ผู้ชมที่ถูกตัด · viewers let go"),
            ),
        ),
        Panel(
            "อ่านย้อนหลังต่อวินาที",
            "Read by replay a second",
            "cps",
            (Line(_or_nought(_rate("jitasa_stream_events_total", "stream")), "{{stream}}"),),
        ),
        Panel(
            "การอ่านที่เปิดอยู่",
            "Replays at work",
            "short",
            (
                Line("sum(jitasa_stream_connections)", "การเชื่อมต่อ · connections"),
                Line("sum(jitasa_stream_readers)", "ตัวอ่าน · readers"),
            ),
        ),
        Panel(
            "webhook ตามผลลัพธ์",
            "Webhooks by outcome",
            "cps",
            (Line(_rate("jitasa_webhook_deliveries_total", "outcome"), "{{outcome}}"),),
        ),
        Panel(
            "webhook ที่รอ",
            "Webhooks that wait",
            "short",
            (
                Line("max(jitasa_webhooks_waiting)", "ข้อความ · messages"),
                Line("max(jitasa_webhooks_failing)", "ล้มเหลวอยู่ · subscriptions that fail"),
            ),
        ),
    ),
)

PAGES: Final = (OVERVIEW, INTAKE, LAG, STORES, SUBSCRIBERS)
