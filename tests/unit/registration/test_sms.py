"""Text messages: the file, a provider, and the queue before both."""

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from services.registration import sms
from services.registration.sms import FileGateway, HttpGateway, Messenger, Refusal, TextMessage
from shared.observability.clock import MovableClock

CLOCK = MovableClock(datetime(2022, 2, 5, 3, 0, tzinfo=UTC))


class Sent:
    """A gateway that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[TextMessage] = asyncio.Queue()
        self.error: Exception | None = None

    async def send(self, message: TextMessage) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.messages.put_nowait(message)


async def test_the_file_holds_one_line_a_message_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "sms"
    gateway = FileGateway(path, CLOCK)
    for code in ("123456", None):
        await gateway.send(TextMessage("0812345678", "สวัสดี\nx", code))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"phone": "0812345678", "text": "สวัสดี\nx", "code": "123456", "at": "2022-02-05T03:00:00+00:00"}
    assert lines[1]["code"] is None
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_provider_gets_phone_text_and_our_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[httpx.Request] = []
    answers = [200, 500]

    def provider(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(answers.pop(0))

    token = tmp_path / "token"
    token.write_text("t0ken\n")
    client = partial(httpx.AsyncClient, transport=httpx.MockTransport(provider))
    monkeypatch.setattr(httpx, "AsyncClient", client)
    gateway = HttpGateway("https://sms.example/send", token)
    await gateway.send(TextMessage("0812345678", "text", "123456"))
    assert json.loads(requests[0].content) == {"phone": "0812345678", "text": "text"}
    assert requests[0].headers["Authorization"] == "Bearer t0ken"
    with pytest.raises(httpx.HTTPStatusError):
        await gateway.send(TextMessage("0812345678", "text"))


@pytest.mark.parametrize(
    ("answer", "certain"),
    [(400, True), (401, True), (408, False), (409, False), (429, True), (500, False), (502, False), (503, True)],
)
async def test_which_answers_say_that_a_message_did_not_leave(
    answer: int, certain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    def provider(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(answer)

    token = tmp_path / "token"
    token.write_text("t0ken\n")
    monkeypatch.setattr(httpx, "AsyncClient", partial(httpx.AsyncClient, transport=httpx.MockTransport(provider)))
    with pytest.raises(Refusal if certain else httpx.HTTPStatusError):
        await HttpGateway("https://sms.example/send", token).send(TextMessage("0812345678", "text", key=UUID(int=7)))
    assert keys == [str(UUID(int=7))]


@pytest.mark.parametrize(("error", "certain"), [(httpx.ConnectError, True), (httpx.ReadTimeout, False)])
async def test_what_breaks_off_before_and_after_the_message_left(
    error: type[httpx.TransportError], certain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provider(_: httpx.Request) -> httpx.Response:
        raise error("away")

    token = tmp_path / "token"
    monkeypatch.setattr(httpx, "AsyncClient", partial(httpx.AsyncClient, transport=httpx.MockTransport(provider)))
    gateway = HttpGateway("https://sms.example/send", token)
    with pytest.raises(Refusal):  # without the token file nothing is even tried
        await gateway.send(TextMessage("0812345678", "text"))
    token.write_text("t0ken\n")
    with pytest.raises(Refusal if certain else error):
        await gateway.send(TextMessage("0812345678", "text"))


async def test_a_message_that_fails_does_not_stop_the_next() -> None:
    gateway = Sent()
    gateway.error = ConnectionRefusedError()
    messenger = Messenger(gateway)

    async def failing() -> TextMessage | None:
        raise RuntimeError

    async def nothing() -> TextMessage | None:
        return None

    async def message() -> TextMessage | None:
        return TextMessage("0812345678", "text")

    async def last() -> TextMessage | None:
        return TextMessage("0812345678", "last")

    for errand in (message, failing, nothing, message, last):
        assert messenger.offer(errand)
    messenger.start()
    async with asyncio.timeout(5):
        sent = [await gateway.messages.get() for _ in range(2)]
    await messenger.close()
    assert [one.text for one in sent] == ["text", "last"]


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms, "QUEUE_LENGTH", 2)
    messenger = Messenger(Sent())

    async def nothing() -> TextMessage | None:
        return None

    assert [messenger.offer(nothing) for _ in range(4)] == [True, True, False, False]
