"""Requests that outlive a restart of whatever answers them, and the tokens that they carry.

A phone in the field meets dead servers, full ones and lost answers; it waits and sends the same again. So does this
client: whichever process is killed, and whenever, the next try goes through once the process is back.
"""

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec

from deploy.demo.plan import Json
from deploy.trouble import Trouble

CONNECTIONS: Final = 12
"""Requests at once: enough to keep two cores busy; more would only wait longer."""
PATIENCE_SECONDS: Final = 180.0
"""One request is tried for so long: a killed Kafka or database with its recovery is back in well under 60 s."""
TIMEOUT_SECONDS: Final = 20.0
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
CODE_SECONDS: Final = 10.0
"""A one-time code arrives within so long, or its sender was killed on the way and another one is asked for."""
RENEW_BEFORE_SECONDS: Final = 60.0

_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_READ_EVERY_SECONDS: Final = 0.02


@dataclass(slots=True)
class Traffic:
    """What happened on the way; for the summary, not for the figures."""

    requests: int = 0
    repeated: int = 0


class Client:
    """Sends requests until they are answered. Use as an asynchronous context manager."""

    def __init__(self, *, connections: int = CONNECTIONS, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.traffic = Traffic()
        self._slots = asyncio.Semaphore(connections)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            transport=transport,
            trust_env=False,  # a proxy for the world outside knows nothing of this machine's services
            headers={"accept-language": "en"},
        )

    async def __aenter__(self) -> Self:
        """Open the connections' pool."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._http.__aexit__(kind, error, trace)

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: Json | list[Json] | bytes | None = None,
        session: "Session | None" = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The first answer that is no "try again". Raises `Trouble` when there was none within `PATIENCE_SECONDS`.

        The request may reach the service more than once; who sends something that must not happen twice gives it an id.
        """
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        carried = {**({"content-type": "application/json"} if content is not None else {}), **(headers or {})}
        patience = Patience(f"{method} {url}")
        while True:
            token = None
            if session is not None:
                token = await session.token()
                carried["authorization"] = f"Bearer {token}"
            self.traffic.requests += 1
            try:
                async with self._slots:
                    answer = await self._http.request(method, url, content=content, headers=carried, params=params)
            except httpx.TransportError as error:
                await patience.wait(type(error).__name__)
            else:
                if answer.status_code == 401 and session is not None:
                    session.forget(token)
                elif answer.status_code not in _AGAIN:
                    return answer
                await patience.wait(f"HTTP {answer.status_code}", answer.headers.get("retry-after"))
            self.traffic.repeated += 1


class Patience:
    """Waits longer and longer between tries, and gives up in the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = monotonic()
        self._pause = FIRST_PAUSE_SECONDS

    async def wait(self, cause: str, retry_after: str | None = None) -> None:
        """Pause before the next try, as `retry_after` (the header's value) asks. Raises `Trouble` after too long."""
        asked = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
        if monotonic() - self._since + asked > PATIENCE_SECONDS:
            raise Trouble(
                f"{self._what} was not answered for {PATIENCE_SECONDS:.0f} s ({cause}).\n"
                "See which process is missing with ./jitasa status, and what it wrote with ./jitasa logs.",
                f"{self._what} ไม่ได้รับคำตอบเป็นเวลา {PATIENCE_SECONDS:.0f} วินาที ({cause})\n"
                "กรุณาดูสถานะด้วย ./jitasa status และบันทึกด้วย ./jitasa logs",
            )
        await sleep(max(asked, self._pause))
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)


class Session:
    """Somebody's access token, got anew by `sign_in` when it is about to end or was refused."""

    def __init__(self, sign_in: Callable[[], Awaitable["Token"]]) -> None:
        self._sign_in = sign_in
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """A token that lasts for a while yet."""
        async with self._lock:
            if self._token is None or self._token.ends_at - monotonic() < RENEW_BEFORE_SECONDS:
                self._token = await self._sign_in()
            return self._token.text

    def forget(self, refused: str | None) -> None:
        """The service refused this token: get another one next time."""
        if self._token is not None and self._token.text == refused:
            self._token = None


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it ends, by `time.monotonic()`."""

    text: str
    ends_at: float


class SmsSink:
    """The file that stands in for the phones of this machine: the newest one-time code of each number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = path.stat().st_size if path.exists() else 0
        self._codes: dict[str, str] = {}

    async def code(self, phone: str) -> str | None:
        """The code that comes to a phone now; None when none came within `CODE_SECONDS`. Each is given once."""
        until = monotonic() + CODE_SECONDS
        while monotonic() < until:
            self._read_on()
            if phone in self._codes:
                return self._codes.pop(phone)
            await sleep(_READ_EVERY_SECONDS)
        return None

    def _read_on(self) -> None:
        if not self._path.exists() or self._path.stat().st_size <= self._read:
            return
        with self._path.open("rb") as sink:
            sink.seek(self._read)
            new = sink.read()
        complete = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        self._read += len(complete)
        for line in complete.splitlines():
            message = msgspec.json.decode(line)
            if (code := message["code"] or message.get("proof_code")) is not None:
                self._codes[message["phone"]] = code


def by_one_time_code(client: Client, registration: str, sink: SmsSink, phone: str) -> Session:
    """The session of somebody who signs in by a code sent to the phone, and stays signed in by refresh tokens."""
    refresh: str | None = None

    async def exchange(grant: Json) -> Token | None:
        nonlocal refresh
        answer = await client.send("POST", f"{registration}/v1/tokens", body=grant)
        refresh = answer.json()["refresh_token"] if answer.status_code == 200 else None
        return _token(answer.json()) if answer.status_code == 200 else None

    async def sign_in() -> Token:
        if refresh is not None:
            token = await exchange({"grant_type": "refresh_token", "refresh_token": refresh})
            if token is not None:
                return token
        patience = Patience(f"A one-time code for {phone}")
        while True:
            await client.send("POST", f"{registration}/v1/codes", body={"phone": phone})
            if (code := await sink.code(phone)) is not None:
                # The answer to a first use may get lost: the code is spent then, and another one is asked for.
                grant: Json = {"grant_type": "urn:jitasa:one-time-code", "phone": phone, "code": code}
                if (token := await exchange(grant)) is not None:
                    return token
            await patience.wait("no usable code came")

    return Session(sign_in)


def by_proof(client: Client, registration: str, sink: SmsSink, phone: str) -> Session:
    """The session of a citizen who proves a phone."""

    async def prove() -> Token:
        patience = Patience(f"A code for {phone}")
        while True:
            begun = await client.send("POST", f"{registration}/v1/phone-proofs", body={"phone": phone})
            if begun.status_code == 202 and (code := await sink.code(phone)) is not None:
                url = f"{registration}/v1/phone-proofs/{begun.json()['proof_id']}/token"
                answer = await client.send("POST", url, body={"code": code})
                if answer.status_code == 200:
                    return _token(answer.json())
            await patience.wait("no usable code came")

    return Session(prove)


def by_secret(client: Client, registration: str, client_id: str, client_secret: str) -> Session:
    """The session of a program that has an id and a secret."""

    async def sign_in() -> Token:
        answer = await client.send(
            "POST",
            f"{registration}/v1/tokens",
            body={"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret},
        )
        if answer.status_code != 200:
            raise Trouble(
                f"The central administrator's client was refused (HTTP {answer.status_code}).\n"
                "Stop the stack with ./jitasa down and start it again: its client is then made anew.",
                f"ระบบไม่รับไคลเอนต์ของผู้ดูแลส่วนกลาง (HTTP {answer.status_code})\n"
                "กรุณาสั่ง ./jitasa down แล้วเริ่มใหม่ ระบบจะสร้างไคลเอนต์ให้ใหม่",
            )
        return _token(answer.json())

    return Session(sign_in)


def _token(answer: dict[str, Any]) -> Token:
    return Token(str(answer["access_token"]), monotonic() + float(answer["expires_in"]))
