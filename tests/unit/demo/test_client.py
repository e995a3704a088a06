"""The client's patience: what it sends again, how long it waits, and when it gives up."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from deploy.demo.client import (
    LONGEST_PAUSE_SECONDS,
    PATIENCE_SECONDS,
    Client,
    Session,
    SmsSink,
    Token,
    by_one_time_code,
    by_secret,
)
from deploy.trouble import Trouble

CLIENT = "deploy.demo.client"
URL = "http://127.0.0.1:1/v1/things"


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(f"{CLIENT}.monotonic", clock.monotonic)
    monkeypatch.setattr(f"{CLIENT}.sleep", clock.sleep)
    return clock


def answering(*answers: httpx.Response | type[httpx.TransportError]) -> tuple[Client, list[httpx.Request]]:
    """A client whose server gives these answers in turn, the last one for ever."""
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        answer = answers[min(len(requests), len(answers)) - 1]
        if isinstance(answer, httpx.Response):
            return answer
        raise answer("broken")

    return Client(transport=httpx.MockTransport(handle)), requests


async def test_it_sends_the_same_again_until_it_is_answered(clock: Time) -> None:
    client, requests = answering(httpx.ConnectError, httpx.ReadTimeout, httpx.Response(503), httpx.Response(201))
    async with client:
        assert (await client.send("POST", URL, body={"id": "1"})).status_code == 201
    assert [request.content for request in requests] == [b'{"id":"1"}'] * 4
    assert clock.slept == sorted(clock.slept)
    assert client.traffic.repeated == 3


async def test_it_waits_as_long_as_it_is_told(clock: Time) -> None:
    client, _ = answering(httpx.Response(429, headers={"retry-after": "17"}), httpx.Response(200))
    async with client:
        await client.send("GET", URL)
    assert clock.slept == [17.0]


async def test_it_gives_up_in_the_end_and_says_what_to_do(clock: Time) -> None:
    client, _ = answering(httpx.ConnectError)
    async with client:
        with pytest.raises(Trouble, match=r"ConnectError") as trouble:
            await client.send("GET", URL)
    assert 120 <= clock.now <= PATIENCE_SECONDS + LONGEST_PAUSE_SECONDS
    assert "./jitasa status" in trouble.value.en
    assert "./jitasa status" in trouble.value.th


async def test_a_refused_token_is_replaced(clock: Time) -> None:
    client, requests = answering(httpx.Response(401), httpx.Response(200))
    given = iter("ab")

    async def sign_in() -> Token:
        return Token(next(given), clock.now + 900)

    async with client:
        await client.send("GET", URL, session=Session(sign_in))
    assert [request.headers["authorization"] for request in requests] == ["Bearer a", "Bearer b"]


async def test_a_token_is_renewed_before_it_ends(clock: Time) -> None:
    signed_in = 0

    async def sign_in() -> Token:
        nonlocal signed_in
        signed_in += 1
        return Token(str(signed_in), clock.now + 900)

    session = Session(sign_in)
    assert [await session.token(), await session.token()] == ["1", "1"]
    clock.now += 850
    assert await session.token() == "2"


def registration(sink: Path, *, loses: int = 0) -> Callable[[httpx.Request], httpx.Response]:
    """A registration service that sends codes, of which it loses the first ones, and takes each code once."""
    codes: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/v1/codes":
            codes.append(f"{len(codes):06d}")
            if len(codes) > loses:
                with sink.open("a") as file:
                    file.write(json.dumps({"phone": body["phone"], "text": "…", "code": codes[-1]}) + "\n")
            return httpx.Response(202)
        if body.get("code") == codes[-1] or body.get("refresh_token") == "r":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 900, "refresh_token": "r"})
        return httpx.Response(400, json={"error": "invalid_grant"})

    return handle


@pytest.mark.parametrize("loses", [0, 2])
async def test_signing_in_by_a_code_asks_again_for_one_that_never_came(tmp_path: Path, clock: Time, loses: int) -> None:
    sink = tmp_path / "sms.jsonl"
    sink.write_text('{"phone": "0800000001", "text": "old", "code": "999999"}\n')
    async with Client(transport=httpx.MockTransport(registration(sink, loses=loses))) as client:
        session = by_one_time_code(client, "http://127.0.0.1:1", SmsSink(sink), "0800000001")
        assert await session.token() == "t"


async def test_somebody_signed_in_stays_so_by_a_refresh_token(tmp_path: Path, clock: Time) -> None:
    sink = tmp_path / "sms.jsonl"
    async with Client(transport=httpx.MockTransport(registration(sink))) as client:
        session = by_one_time_code(client, "http://127.0.0.1:1", SmsSink(sink), "0800000001")
        await session.token()
        clock.now += 900
        assert await session.token() == "t"
    assert len(sink.read_text().splitlines()) == 1


async def test_the_sink_reads_whole_lines_only_and_passes_over_notices(tmp_path: Path, clock: Time) -> None:
    path = tmp_path / "sms.jsonl"
    sink = SmsSink(path)
    path.write_text('{"phone": "1", "text": "…", "code": null}\n{"phone": "2", "text": "…", "code": "123456"}\n{"pho')
    assert await sink.code("1") is None
    assert await sink.code("2") == "123456"
    assert await sink.code("2") is None


async def test_a_wrong_secret_is_said_at_once(clock: Time) -> None:
    client, requests = answering(httpx.Response(401, json={"error": "invalid_client"}))
    async with client:
        with pytest.raises(Trouble, match="administrator"):
            await by_secret(client, "http://127.0.0.1:1", "id", "secret").token()
    assert len(requests) == 1
