"""Webhooks: an external system has the events of its area sent to it, and looks after its subscriptions itself.

An account sees its own alone. What is decided here is in the database when it is answered; `reporting-webhooks` goes by
it within a second.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StrictInt, StrictStr

from services.reporting.http.answering import answer, away, now, pool_of
from services.reporting.http.areas import area_of
from services.reporting.http.receiving import ReceiverOf
from services.reporting.http.streams import bad_cursor, beginning_of, check, demand_grant, milliseconds_of, stream_of
from services.reporting.settings import WebhookSettings
from services.reporting.streams.answering import FAILURES, failed
from services.reporting.streams.cursors import MOST_CHARACTERS, BadCursor
from services.reporting.streams.parts import Streams
from services.reporting.streams.position import Position
from services.reporting.streams.transfers import LARGEST
from services.reporting.webhooks import addresses, store
from services.reporting.webhooks.answers import (
    FailuresAnswer,
    SubscriptionAnswer,
    SubscriptionsAnswer,
    SubscriptionWithSecret,
    failures_answer,
    subscription_answer,
)
from services.reporting.webhooks.domain import (
    MOST_AT_ONCE,
    MOST_OF_ONE,
    MOST_SUBSCRIPTIONS,
    State,
    Subscription,
    chosen,
)
from services.reporting.webhooks.signing import new_secret
from services.reporting.webhooks.store import Filters, TooMany
from shared.contracts.topics import Topic
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.security.sealing import KeyRing
from shared.web.authentication import area_asked, demand_area
from shared.web.fields import Body
from shared.web.parameters import KnownParameters
from shared.web.problems import FieldError, Message, Problem

MOST_FAILURES: Final = 200
DEFAULT_FAILURES: Final = 50
MOST_FILTERS: Final = 20
"""Streams, or types, in one question; there are five."""

router = APIRouter(prefix="/v1/subscriptions", dependencies=[Depends(KnownParameters())])
Url = Annotated[StrictStr, Field(min_length=1, max_length=addresses.MOST_CHARACTERS)]
Names = Annotated[
    list[Annotated[StrictStr, Field(max_length=100, pattern="^[a-z0-9.-]+$")]],
    Field(min_length=1, max_length=MOST_FILTERS),
]
AtOnce = Annotated[StrictInt, Field(ge=1, le=MOST_AT_ONCE)]
Beginning = Annotated[StrictStr, Field(max_length=40, pattern=r"^[^\x00]*$")]


class NewSubscription(Body):
    """What is to be sent where. types: of events, all without; at_once: deliveries on their way, at most, of different
    partitions; area: inside the token's, all of it without; from: `end` (without), `start`, or an RFC 3339 time."""

    url: Url
    streams: Names
    types: Names | None = None
    at_once: AtOnce = 1
    area: StrictStr | None = Field(None, max_length=20)
    begin: Beginning = Field("end", alias="from")


class ChangedSubscription(Body):
    """What is to be different. Streams that are new begin at their end; another URL is verified first."""

    url: Url | None = None
    streams: Names | None = None
    types: Names | None = None
    at_once: AtOnce | None = None


class Replayed(Body):
    """From where a stream is sent again: from a cursor of its HTTP replay, or from `start`, `end` or a time."""

    stream: StrictStr = Field(max_length=100)
    cursor: StrictStr | None = Field(None, max_length=MOST_CHARACTERS)
    begin: Beginning | None = Field(None, alias="from")


@asynccontextmanager
async def _database(request: Request) -> AsyncIterator[Connection]:
    try:
        async with acquire(pool_of(request)) as connection, connection.transaction():
            yield connection
    except UNREACHABLE:
        raise away() from None
    except TooMany as error:
        most = MOST_OF_ONE if error.of_one else MOST_SUBSCRIPTIONS
        message = Message(f"มีการรับข้อมูลครบ {most} รายการแล้ว", f"There are {most} subscriptions already")
        raise Problem(409, "too_many_subscriptions", detail=message) from None


@router.post("", status_code=201, responses={201: {"model": SubscriptionWithSecret}})
async def subscribe(request: Request, asked: NewSubscription, principal: ReceiverOf) -> Response:
    """Makes a subscription, and its secret, which is shown this once. The endpoint is verified first: it is sent a
    signed event `care.jitasa.webhook.verification.v1`, and has to answer `{"challenge": ...}` with what stands in its
    `data.challenge`."""
    area = principal.area if asked.area is None else area_asked(principal, area_of(asked.area).code)
    streams, types = _streams(request, asked.streams), _types(request, asked.streams, asked.types)
    filters = Filters(_url(asked.url), streams, types, asked.at_once)
    await demand_grant(request, principal, *filters.streams)
    begun = [await _begun(request, topic, area, asked.begin) for topic in _chosen(request, filters)]
    secret, ring, moment = new_secret(), _ring(request), now(request)
    async with _database(request) as connection:
        made = await store.make(connection, principal, area, filters, begun, secret, ring, moment)
    return await answer(request, SubscriptionWithSecret(subscription_answer(made, moment), secret), status=201)


@router.get("", responses={200: {"model": SubscriptionsAnswer}})
async def list_subscriptions(request: Request, principal: ReceiverOf) -> Response:
    """Every subscription of the account, with its state and the reason for it."""
    async with _database(request) as connection:
        found = await store.all_of(connection, principal.subject)
    return await answer(request, SubscriptionsAnswer([subscription_answer(each, now(request)) for each in found]))


@router.get("/{subscription_id}", responses={200: {"model": SubscriptionAnswer}})
async def look_at_subscription(request: Request, subscription_id: UUID, principal: ReceiverOf) -> Response:
    """One subscription."""
    async with _database(request) as connection:
        found = _found(await store.one(connection, subscription_id, principal.subject))
    return await answer(request, subscription_answer(found, now(request)))


@router.patch("/{subscription_id}", responses={200: {"model": SubscriptionAnswer}})
async def change_subscription(
    request: Request, subscription_id: UUID, asked: ChangedSubscription, principal: ReceiverOf
) -> Response:
    """Changes where, or what of the streams. What is not named stays; `types: null` means all of them."""
    async with _database(request) as connection:
        before = _found(await store.one(connection, subscription_id, principal.subject))
    demand_area(principal, before.area)
    streams = before.streams if asked.streams is None else _streams(request, asked.streams)
    types = before.types if "types" not in asked.model_fields_set else asked.types
    url = before.url if asked.url is None else _url(asked.url)
    filters = Filters(url, streams, _types(request, streams, types), asked.at_once or before.at_once)
    await demand_grant(request, principal, *streams)
    had = {topic.name for topic in before.topics(request.app.state.topics)}
    new = [topic for topic in _chosen(request, filters) if topic.name not in had]
    begun = [await _begun(request, topic, before.area, "end") for topic in new]
    async with _database(request) as connection:
        found = _found(await store.locked(connection, subscription_id, principal.subject))
        if found.revision != before.revision:
            raise Problem(409)
        changed: Subscription | None = await store.change(connection, found, filters, begun, now(request))
        if filters.url != before.url and found.state is not State.ENDED:
            changed = await store.verify(connection, found, now(request))
    return await answer(request, subscription_answer(_found(changed), now(request)))


@router.delete("/{subscription_id}", status_code=204)
async def unsubscribe(request: Request, subscription_id: UUID, principal: ReceiverOf) -> Response:
    """Ends it for good. What is on its way at this moment may still arrive."""
    async with _database(request) as connection:
        found = _found(await store.locked(connection, subscription_id, principal.subject))
        await store.delete(connection, found, now(request))
    return Response(status_code=204)


@router.get("/{subscription_id}/failures", responses={200: {"model": FailuresAnswer}})
async def list_failures(
    request: Request,
    subscription_id: UUID,
    principal: ReceiverOf,
    cursor: Annotated[str | None, Query(max_length=20, pattern="^[0-9]{1,18}$")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_FAILURES)] = DEFAULT_FAILURES,
) -> Response:
    """Deliveries that failed, the newest first; the newest thousand are kept."""
    async with _database(request) as connection:
        _found(await store.one(connection, subscription_id, principal.subject))
        found = await store.failures(connection, subscription_id, int(cursor or LARGEST), limit + 1)
    return await answer(request, failures_answer(found, limit))


@router.post("/{subscription_id}/verification", status_code=202, responses={202: {"model": SubscriptionAnswer}})
async def verify_subscription(request: Request, subscription_id: UUID, principal: ReceiverOf) -> Response:
    """Has the endpoint verified again, as at the beginning; what was disabled then goes on where it stood."""
    async with _database(request) as connection:
        found = _found(await store.locked(connection, subscription_id, principal.subject))
        demand_area(principal, found.area)
        asked = await store.verify(connection, found, now(request))
    if asked is None:
        raise _ended()
    return await answer(request, subscription_answer(asked, now(request)), status=202)


@router.post("/{subscription_id}/replay", status_code=202, responses={202: {"model": SubscriptionAnswer}})
async def replay_subscription(
    request: Request, subscription_id: UUID, asked: Replayed, principal: ReceiverOf
) -> Response:
    """Sends a stream again from an earlier point, or goes on at a later one. Events keep their ids."""
    topic = stream_of(request, asked.stream)
    if (asked.cursor is None) == (asked.begin is None):
        message = Message("ระบุ cursor หรือ from อย่างใดอย่างหนึ่ง", "Give a cursor or a beginning, one of them")
        raise Problem(400, "invalid", errors=[FieldError("from", "beside_cursor", message)])
    async with _database(request) as connection:
        found = _found(await store.one(connection, subscription_id, principal.subject))
    demand_area(principal, found.area)
    if not chosen(topic, found.streams, found.types):
        message = Message("ไม่ได้รับข้อมูลกระแสนี้", "This stream is not subscribed to")
        raise Problem(400, "invalid", errors=[FieldError("stream", "not_subscribed", message)])
    if asked.cursor is None:
        position = await _begun(request, topic, found.area, asked.begin or "")
    else:
        position = await _at(request, topic, found.area, asked.cursor)
    async with _database(request) as connection:
        found = _found(await store.locked(connection, subscription_id, principal.subject))
        if found.state is State.ENDED:
            raise _ended()
        replayed = await store.replay(connection, found, position, now(request))
    return await answer(request, subscription_answer(replayed, now(request)), status=202)


@router.post("/{subscription_id}/secret", responses={200: {"model": SubscriptionWithSecret}})
async def rotate_secret(request: Request, subscription_id: UUID, principal: ReceiverOf) -> Response:
    """A new secret, shown this once. For 24 hours deliveries bear a signature by the one before as well."""
    secret, ring, moment = new_secret(), _ring(request), now(request)
    async with _database(request) as connection:
        found = _found(await store.locked(connection, subscription_id, principal.subject))
        demand_area(principal, found.area)
        rotated = await store.rotate(connection, found, secret, ring, moment)
    return await answer(request, SubscriptionWithSecret(subscription_answer(rotated, moment), secret))


def _found(subscription: Subscription | None) -> Subscription:
    if subscription is None:
        raise Problem(404)
    return subscription


def _ended() -> Problem:
    message = Message("การรับข้อมูลนี้สิ้นสุดแล้ว โปรดสร้างใหม่", "This subscription has ended; make another one")
    return Problem(409, "subscription_ended", detail=message)


def _ring(request: Request) -> KeyRing:
    ring: KeyRing | None = request.app.state.webhook_ring
    if ring is None:
        raise Problem(503)
    return ring


_URLS: Final = {
    "not_a_url": Message("ที่อยู่เว็บไม่ถูกต้อง", "This is no URL of an endpoint"),
    "not_https": Message("ต้องเป็น https", "It has to be https"),
    "port_refused": Message("ใช้ได้เฉพาะพอร์ต 443 และ 8443", "Only the ports 443 and 8443 are possible"),
    "address_refused": Message("ส่งไปยังที่อยู่นี้ไม่ได้", "Nothing is sent to this address"),
}


def _url(url: str) -> str:
    fault = addresses.refused(url, allow_loopback=WebhookSettings().allow_loopback)
    if fault is not None:
        raise Problem(400, "invalid", errors=[FieldError("url", fault, _URLS[fault])])
    return url


def _streams(request: Request, names: Sequence[str]) -> tuple[str, ...]:
    asked = {stream_of(request, name).name for name in names}
    return tuple(topic.name for topic in request.app.state.topics if topic.name in asked)


def _types(request: Request, streams: Sequence[str], types: Sequence[str] | None) -> tuple[str, ...] | None:
    if types is None:
        return None
    topics: Sequence[Topic] = request.app.state.topics
    possible = {topic.event_type for topic in topics if topic.name in streams}
    if not possible.issuperset(types):
        message = Message("กระแสข้อมูลที่เลือกไม่มีเหตุการณ์ชนิดนี้", "The streams that were chosen have no events of this type")
        raise Problem(400, "invalid", errors=[FieldError("types", "unknown_type", message)])
    return tuple(dict.fromkeys(types))


def _chosen(request: Request, filters: Filters) -> list[Topic]:
    return [topic for topic in request.app.state.topics if chosen(topic, filters.streams, filters.types)]


async def _begun(request: Request, topic: Topic, area: str, begin: str) -> Position:
    milliseconds = None if begin in ("start", "end") else milliseconds_of(begin)
    try:
        return await beginning_of(_parts(request), topic, area, begin, milliseconds)
    except FAILURES as error:
        raise failed(error) from None


async def _at(request: Request, topic: Topic, area: str, cursor: str) -> Position:
    try:
        position = (await _parts(request).seals.get()).position_of(cursor)
        check(position, topic, area)
    except BadCursor as error:
        raise bad_cursor("cursor", error.fault) from None
    except FAILURES as error:
        raise failed(error) from None
    return position


def _parts(request: Request) -> Streams:
    streams: Streams | None = request.app.state.streams
    if streams is None:
        raise Problem(503)
    return streams
