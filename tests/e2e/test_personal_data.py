"""What people tell us stays sealed: it is looked for in every place where it must not be.

A volunteer signs up, signs in and surveys a household, all under names, numbers and an address that occur nowhere else.
Then they are looked for in every record of every topic, in the files of the databases, in every log, every metric and
every trace.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.stack import Stack
from shared.contracts.topics import ALL
from shared.kafka.settings import KafkaSettings
from tests.collector import Collector, collecting
from tests.e2e.files import files_with

AREA = "900101"
VOLUNTEER_NAME, VOLUNTEER_PHONE = "ขวัญข้าว ฟ้าประทานพรเลิศ", "0898765431"
PERSON_NAME, PERSON_PHONE, PERSON_ID = "บุญส่ง ทรัพย์มรกตวารี", "0612345987", "3101200567891"
HOUSE = "ซอกตะวัน 771/39"
CANARIES = (
    *(part for name in (VOLUNTEER_NAME, PERSON_NAME, HOUSE) for part in name.split()),
    *(number[1:] for number in (VOLUNTEER_PHONE, PERSON_PHONE)),
    PERSON_ID,
)
DEADLINE_SECONDS = 30.0
TRACED = ("registration-http", "survey-http", "survey-recorder", "survey-lister", "reporting-projector")
"""The processes that what follows passes through."""
TRACE_ID, PHONES_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
"""What the phone says of its own trace."""


def spellings(canary: str) -> set[bytes]:
    """UTF-8, and JSON's escapes in both cases."""
    escaped = json.dumps(canary)[1:-1]
    return {canary.encode(), escaped.encode(), re.sub(r"[0-9a-f]{4}", lambda hexa: hexa[0].upper(), escaped).encode()}


SPELLINGS = {spelling: canary for canary in CANARIES for spelling in spellings(canary)}
ANY = re.compile(b"|".join(map(re.escape, SPELLINGS)))


def traces(data: bytes) -> set[str]:
    """Which canaries are in `data`."""
    return {SPELLINGS[hit] for hit in ANY.findall(data)}


def until(what: str, found: Iterator[bool]) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    for done in found:
        if done:
            return
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def collector(stack: Stack) -> Iterator[Collector]:
    """Where all that is followed is told; every request is, of these processes, while this lasts."""
    with collecting() as (collector, address), pytest.MonkeyPatch.context() as patch:
        patch.setenv("JITASA_TRACE_ENDPOINT", address)
        patch.setenv("JITASA_TRACE_SHARE", "1")
        patch.setenv("JITASA_TRACE_SECONDS", "0.2")
        stack.stop_services(TRACED)
        stack.start_services(TRACED)
        yield collector
        patch.undo()
        stack.stop_services(TRACED)
        stack.start_services(TRACED)


@pytest.fixture(scope="module")
def surveyed(stack: Stack, collector: Collector) -> str:
    """The id of a submission full of personal data that went all the way."""
    addresses = stack.addresses()
    with httpx.Client(timeout=20) as http:

        def post(url: str, token: str | None, status: int, **body: object) -> dict[str, str]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = http.post(url, json=body, headers=headers)
            assert answer.status_code == status, answer.text
            told: dict[str, str] = answer.json() if answer.content else {}
            return told

        registration = addresses.registration
        credentials = {"client_id": addresses.client_id, "client_secret": addresses.client_secret}
        granted = http.post(f"{registration}/v1/tokens", data={"grant_type": "client_credentials", **credentials})
        admin = granted.json()["access_token"]
        organisation = post(
            f"{registration}/v1/organisations", admin, 201, name="สำนักงานทดสอบ", kind="agency", area=AREA[:2]
        )["organisation_id"]
        code = post(f"{registration}/v1/organisations/{organisation}/group-codes", admin, 201)["code"]
        person = {"name": VOLUNTEER_NAME, "phone": VOLUNTEER_PHONE, "area": AREA}
        volunteer = post(f"{registration}/v1/volunteers", None, 201, group_code=code, **person)["volunteer_id"]
        http.post(
            f"{registration}/v1/volunteers/{volunteer}/approval", json={}, headers={"Authorization": f"Bearer {admin}"}
        ).raise_for_status()
        post(f"{registration}/v1/codes", None, 202, phone=VOLUNTEER_PHONE)
        until("no one-time code was sent", (one_time_code(addresses.sms_sink) is not None for _ in iter(int, 1)))
        granted = http.post(
            f"{registration}/v1/tokens",
            data={
                "grant_type": "urn:jitasa:one-time-code",
                "phone": VOLUNTEER_PHONE,
                "code": one_time_code(addresses.sms_sink),
            },
        )
        token = granted.json()["access_token"]
        submission = {
            "submission_id": str(uuid4()),
            "captured_at": datetime.now(UTC).isoformat(),
            "address": {"area": AREA, "house": HOUSE},
            "contact": {"name": PERSON_NAME, "phone": PERSON_PHONE},
            "persons": [{"name": PERSON_NAME, "national_id": PERSON_ID, "age": 71, "wants_vaccine": "yes"}],
        }
        headers = {"Authorization": f"Bearer {token}"}
        bad = submission | {"contact": {"name": PERSON_NAME, "phone": PERSON_PHONE + "0"}, "captured_at": PERSON_NAME}
        assert http.post(f"{addresses.survey}/v1/submissions", json=bad, headers=headers).status_code == 400
        followed = headers | {"traceparent": f"00-{TRACE_ID}-{PHONES_SPAN}-00", "tracestate": f"phone={PERSON_ID}"}
        answer = http.post(f"{addresses.survey}/v1/submissions", json=submission, headers=followed)
        assert answer.status_code == 202, answer.text
        url = f"{addresses.survey}/v1/submissions/{submission['submission_id']}"
        until(
            "it was not recorded", (http.get(url, headers=headers).json()["status"] == "recorded" for _ in iter(int, 1))
        )
        return str(submission["submission_id"])


def one_time_code(sink: Path) -> str | None:
    """The latest code that was sent to the volunteer's phone."""
    if not sink.exists():
        return None
    sent = [json.loads(line) for line in sink.read_text().splitlines()]
    codes: list[str] = [one["code"] for one in sent if one.get("phone") == VOLUNTEER_PHONE]
    return codes[-1] if codes else None


async def records(settings: KafkaSettings) -> bytes:
    """Keys, headers and values of every record in every topic, behind one another."""
    consumer = AIOKafkaConsumer(*(topic.name for topic in ALL), **settings.for_aiokafka(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        left = {partition for partition, end in ends.items() if end}
        read = bytearray()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while left:
                for partition, more in (await consumer.getmany(timeout_ms=200)).items():
                    for record in more:
                        read += (record.key or b"") + (record.value or b"") + repr(record.headers).encode()
                    if more[-1].offset + 1 >= ends[partition]:
                        left.discard(partition)
        return bytes(read)
    finally:
        await consumer.stop()


def test_the_canaries_would_be_seen(stack: Stack, surveyed: str) -> None:
    """The one place where they are meant to be, so that looking is known to find: the local stand-in for phones."""
    assert VOLUNTEER_PHONE[1:] in traces(stack.addresses().sms_sink.read_bytes())
    assert traces(json.dumps(PERSON_NAME).encode()) == set(PERSON_NAME.split())


def test_one_trace_leads_from_the_phone_s_request_to_the_figures(collector: Collector, surveyed: str) -> None:
    """Through every process: each span's parent is there, up to the phone's own."""
    wanted = ["survey-http", "survey-recorder", "survey-lister", "reporting-projector"]
    until(
        "a process told nothing", ({s.process for s in collector.of_trace(TRACE_ID)} >= {*wanted} for _ in iter(int, 1))
    )
    spans = {span.span_id: span for span in collector.of_trace(TRACE_ID)}
    roots = [span for span in spans.values() if span.parent_id not in spans]
    assert [(root.process, root.name, root.parent_id) for root in roots] == [
        ("survey-http", "POST /v1/submissions", PHONES_SPAN)
    ]
    [taken] = [span for span in spans.values() if span.name == "process reporting-projector"]
    ancestors = []
    while taken.parent_id in spans:
        taken = spans[taken.parent_id]
        ancestors.append(taken.name)
    assert ancestors == ["process survey-recorder", "send survey-intake", "POST /v1/submissions"]
    assert all(span.attributes.get("messaging.batch.message_count") in (None, "1") for span in spans.values())


def test_a_time_names_the_trace_it_was_taken_of(stack: Stack, surveyed: str) -> None:
    """As an exemplar, where it is asked for in OpenMetrics."""
    address = f"http://127.0.0.1:{stack.process('survey-http').program.port}/metrics"
    told = httpx.get(address, headers={"Accept": "application/openmetrics-text; version=1.0.0"}).text
    assert f'# {{trace_id="{TRACE_ID}"}}' in told
    assert "trace_id" not in httpx.get(address).text


def test_no_trace_holds_personal_data(collector: Collector, surveyed: str) -> None:
    told = collector.raw
    assert b"POST /v1/volunteers" in told
    assert b"POST /v1/tokens" in told
    assert traces(told) == set()
    # Nor who it was: no token, and no id of a submission.
    assert b"Bearer" not in told
    assert surveyed.encode() not in told


async def test_no_topic_holds_personal_data(stack: Stack, surveyed: str) -> None:
    settings = KafkaSettings(
        bootstrap=stack.kafka.bootstrap, username="admin", password_file=stack.secrets.kafka_password_file("admin")
    )
    read = await records(settings)
    assert surveyed.encode() in read
    assert traces(read) == set()


def test_no_database_file_log_or_metric_holds_personal_data(stack: Stack, surveyed: str) -> None:
    """Every file of the stack, PostgreSQL's write-ahead log and tables among them, except the stand-in for phones."""
    assert files_with(stack, ANY) == {}
    for name, keeper in stack.supervisor.keepers.items():
        if name not in ("kafka", "postgres"):
            metrics = httpx.get(f"http://127.0.0.1:{keeper.program.port}/metrics")
            assert metrics.status_code == 200
            assert traces(metrics.content) == set()
