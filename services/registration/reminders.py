"""Reminds organisations of places that nobody has confirmed this week, and tells coordinators of the overdue ones.

Once in its week each round asks facilities which places these are, and writes all its messages in one transaction. Then
they are sent, each at most once. Any number of processes may do it side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID, uuid5

import httpx

from services.registration.domain.reminders import (
    Neglected,
    Stage,
    begun,
    may_send,
    notices,
    subject_of,
    text_of,
    week_of,
)
from services.registration.mail import Mail, MailGateway
from services.registration.sms import SENDERS, Gateway, Refusal, TextMessage
from services.registration.store.notices import Channel, Claimed, Notices, Outcome
from shared.contracts.events import Role
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import NOTICES
from shared.security.tokens import TokenSigner

SUBJECT: Final = uuid5(UUID("b1a6f0b4-52e5-4c0f-9a55-3d1f1c1f2e11"), "reminders")
"""Who asks facilities: this service itself, which signs its own token."""
MESSAGES: Final = UUID("0d9f4c55-9f2b-4b57-8a06-7f4f0a7d3b19")
"""Namespace of the messages' keys."""
TOKEN_LIFE: Final = timedelta(minutes=5)
MOST_PAGES: Final = 200
"""Of 1,000 rows: every organisation in every district in which it keeps places, many times over."""
MOST_EMAILS: Final = 5
"""Of one organisation: a department's hospitals share a few addresses."""
AT_ONCE: Final = 20
"""Claimed together: a process that stops sends them within a second, a slow gateway long before they count as lost."""
FETCH_SECONDS: Final = 10.0

_log = log(__name__)


class Register(Protocol):
    """Knows which places nobody has confirmed."""

    async def neglected(self) -> Sequence[Neglected]:
        """All open places that nobody has confirmed this week, by organisation and district."""
        ...


class Facilities:
    """What the register of places says, over its HTTP interface."""

    def __init__(self, client: httpx.AsyncClient, signer: TokenSigner, clock: Clock) -> None:
        self._client = client
        self._signer = signer
        self._clock = clock

    async def neglected(self) -> Sequence[Neglected]:
        """All open places that nobody has confirmed this week, by organisation and district.

        Raises `httpx.HTTPError`, and `ValueError` where the answer cannot be read.
        """
        found: list[Neglected] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            answer = await self._client.get(
                "/v1/neglected", params={"cursor": cursor} if cursor else {}, headers=self._headers()
            )
            page = answer.raise_for_status().json()
            found += [_neglected(item) for item in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                return found
        raise ValueError("the register tells of more places than there are")

    def _headers(self) -> dict[str, str]:
        now = self._clock.now()
        token = self._signer.sign(
            subject=SUBJECT,
            organisation=None,
            role=Role.CENTRAL_ADMINISTRATOR,
            area="",
            issued_at=now,
            expires_at=now + TOKEN_LIFE,
        )
        return {"Authorization": f"Bearer {token}"}


class Reminders:
    """Makes the rounds and sends what they tell. `link`: where one confirms places."""

    def __init__(
        self, store: Notices, register: Register, sms: Gateway, mail: MailGateway | None, clock: Clock, link: str
    ) -> None:
        self._store = store
        self._register = register
        self._sms = sms
        self._mail = mail
        self._clock = clock
        self._link = link

    async def turn(self) -> None:
        """Do what is to be done by now."""
        now = self._clock.now()
        if not may_send(now):
            return
        for stage in begun(now):
            if not await self._store.has_round(week_of(now), stage):
                await self._make_round(stage)
        for one, channel, outcome in await self._store.give_up(week_of(now), now=now):
            _log.warning("notice_given_up", stage=one, channel=channel, outcome=outcome)
            NOTICES.labels(one, channel, outcome).inc()
        await self._store.erase_old(week_of(now))
        await self._send_waiting()

    async def _send_waiting(self) -> None:
        # Asked before each batch: a slow gateway shall not take the evening's last ones into the night.
        while may_send(self._clock.now()) and (claimed := await self._store.claim(AT_ONCE, now=self._clock.now())):
            room = asyncio.Semaphore(SENDERS)
            sending = asyncio.gather(*(self._deliver(one, room) for one in claimed))
            try:
                await asyncio.shield(sending)
            except asyncio.CancelledError:
                await sending  # what was begun is settled, or nobody would know what became of it
                raise

    async def _make_round(self, stage: Stage) -> None:
        try:
            neglected = await self._register.neglected()
        except (httpx.HTTPError, ValueError) as error:  # this round waits; what was made before is sent nevertheless
            _log.warning("notice_round_waits", stage=stage, error=type(error).__name__)
            return
        now = self._clock.now()
        told = notices(stage, neglected, MOST_EMAILS if self._mail else 0)
        unaddressed = await self._store.make_round(week_of(now), stage, told, now=now)
        if unaddressed is not None:
            _log.info("notice_round", stage=stage, notices=len(told), unaddressed=unaddressed)
            NOTICES.labels(stage, "none", "unaddressed").inc(unaddressed)

    async def _deliver(self, one: Claimed, room: asyncio.Semaphore) -> None:
        async with room:
            try:
                await self._send(one)
                outcome = Outcome.SENT
            except Refusal:
                outcome = Outcome.REFUSED
            except Exception as error:  # whatever the gateway meets, nobody knows whether the message left
                _log.warning("notice_unknown", channel=one.channel, error=type(error).__name__)
                outcome = Outcome.UNKNOWN
            NOTICES.labels(one.stage, one.channel, outcome).inc()
            await self._store.settle(one, outcome, now=self._clock.now())

    async def _send(self, one: Claimed) -> None:
        text = text_of(one.stage, one.due, one.overdue, self._link)
        key = uuid5(MESSAGES, f"{one.notice_id} {one.channel} {one.receiver}")
        if one.address is None:
            raise Refusal
        if one.channel is Channel.SMS:
            await self._sms.send(TextMessage(one.address, text, key=key))
        elif self._mail is None:
            raise Refusal
        else:
            await self._mail.send(Mail(one.address, subject_of(one.stage), text, f"<{key}@jitasa>"))


def _neglected(item: dict[str, object]) -> Neglected:
    match item:
        case {
            "organisation_id": str() | None as organisation,
            "area": str() as district,
            "due": int() as due,
            "overdue": int() as overdue,
            "emails": list() as emails,
        }:
            return Neglected(
                None if organisation is None else UUID(organisation),
                district,
                due,
                overdue,
                [str(one) for one in emails],
            )
    raise ValueError("the register's answer has another form")
