"""Subscribers of Kafka itself: let in, changed and shut out by the centre's administrator.

What is decided here is in the database when it is answered, and in Kafka within a second (`state`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from services.reporting.http.answering import answer, database, now
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.http.trust import Reason
from services.reporting.receivers.store import is_revoked
from services.reporting.subscribers import store
from services.reporting.subscribers.answers import (
    SubscriberAnswer,
    SubscriberDetail,
    SubscribersAnswer,
    SubscriberWithPassword,
    detail,
    subscriber_answer,
    with_password,
)
from services.reporting.subscribers.clients import Entrance, configuration
from services.reporting.subscribers.domain import (
    DEFAULT_BYTES,
    DEFAULT_PERCENT,
    LEAST_BYTES,
    MOST_BYTES,
    MOST_PERCENT,
    MOST_SUBSCRIBERS,
    NAME,
    STREAMS,
    Grant,
    Subscriber,
    in_order,
    new_password,
)
from services.reporting.subscribers.store import AccountTaken, NameTaken, TooMany
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, demand_area, require
from shared.web.problems import FieldError, Message, Problem

MOST_LISTED: Final = 200
MOST_CHANGES: Final = 100
"""Of the newest: a password a month, for eight years."""

router = APIRouter(prefix="/v1/subscribers")
Keeper = Annotated[Principal, Depends(require(Right.SUBSCRIBER_WRITE))]
KeeperOrOwner = Annotated[
    Principal, Depends(require(Right.SUBSCRIBER_WRITE, unless="the account that the subscriber belongs to"))
]
Stream = Annotated[StrictStr, Field(pattern=f"^(?:{'|'.join(STREAMS)})$")]


class Granted(BaseModel):
    """What a subscriber may: public streams, bytes a second, and per cent of one broker thread's time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    streams: list[Stream] = Field(min_length=1, max_length=len(STREAMS))
    bytes_a_second: StrictInt = Field(DEFAULT_BYTES, ge=LEAST_BYTES, le=MOST_BYTES)
    request_percent: StrictInt = Field(DEFAULT_PERCENT, ge=1, le=MOST_PERCENT)

    @property
    def grant(self) -> Grant:
        """Each stream once, in the contract's order."""
        return Grant(in_order(self.streams), self.bytes_a_second, self.request_percent)


class NewSubscriber(Granted):
    """A subscriber: a short name, which becomes that of its Kafka user and is never given again, and the account at
    registration that it belongs to."""

    name: StrictStr = Field(pattern=NAME)
    client_id: UUID | None = None


@asynccontextmanager
async def _database(request: Request, principal: Principal) -> AsyncIterator[Connection]:
    """A connection for who has the right for the whole country: Kafka's streams have no areas. Whoever has not, and is
    let in all the same, sees what is his alone."""
    if principal.may(Right.SUBSCRIBER_WRITE):
        demand_area(principal, "")
    try:
        async with database(request) as connection:
            yield connection
    except NameTaken:
        raise _taken("name", "ชื่อนี้มีผู้ใช้แล้ว หรือเคยใช้แล้ว", "This name is taken, or was once") from None
    except AccountTaken:
        raise _taken("client_id", "บัญชีนี้เป็นของผู้รับข้อมูลรายอื่น", "This account belongs to another subscriber") from None
    except TooMany:
        message = Message(f"มีผู้รับข้อมูลครบ {MOST_SUBSCRIBERS} รายแล้ว", f"There are {MOST_SUBSCRIBERS} subscribers already")
        raise Problem(409, "too_many_subscribers", detail=message) from None


def _taken(field: str, thai: str, english: str) -> Problem:
    message = Message(thai, english)
    return Problem(409, "taken", detail=message, errors=[FieldError(field, "taken", message)])


def _entrance(request: Request) -> Entrance:
    entrance: Entrance | None = request.app.state.entrance
    if entrance is None:
        message = Message("ระบบนี้ไม่มีช่องทาง Kafka สำหรับภายนอก", "This installation has no Kafka listener for subscribers")
        raise Problem(409, "no_listener", detail=message)
    return entrance


@router.get("", responses={200: {"model": SubscribersAnswer}})
async def list_subscribers(
    request: Request,
    principal: Keeper,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = MOST_LISTED,
) -> Response:
    """Subscribers by name, the revoked ones among them."""
    after = "" if cursor is None else place_of(cursor, lambda place: place.decode("ascii"))
    async with _database(request, principal) as connection:
        found = await store.page(connection, after, limit + 1)
    items = found[:limit]
    more = cursor_of(items[-1].name.encode()) if len(found) > limit else None
    return await answer(request, SubscribersAnswer([subscriber_answer(each) for each in items], more))


@router.post("", status_code=201, responses={201: {"model": SubscriberWithPassword}})
async def make_subscriber(request: Request, asked: NewSubscriber, principal: Keeper) -> Response:
    """Lets a subscriber in; its password is shown this once, with the configuration of its programs. 409 `taken`,
    `too_many_subscribers`, `no_listener`."""
    demand_area(principal, "")
    entrance, password = _entrance(request), new_password()
    outside = entrance.outside  # if it cannot be told, nobody is let in
    async with _database(request, principal) as connection:
        if asked.client_id is not None and await is_revoked(connection, asked.client_id):
            raise _taken("client_id", "ส่วนกลางเพิกถอนบัญชีนี้แล้ว", "The centre has ended what this account receives")
        made = await store.make(
            connection,
            asked.name,
            asked.grant,
            asked.client_id,
            password,
            entrance.ring,
            by=principal.subject,
            now=now(request),
        )
    return await answer(request, with_password(made, password, configuration(made, password, outside)), status=201)


@router.get("/{subscriber_id}", responses={200: {"model": SubscriberDetail}})
async def look_at_subscriber(request: Request, subscriber_id: UUID, principal: KeeperOrOwner) -> Response:
    """One subscriber, where it finds Kafka, and what was decided about it, the newest first."""
    async with _database(request, principal) as connection:
        found = await _one(connection, subscriber_id, principal)
        decided = await store.changes(connection, subscriber_id, MOST_CHANGES)
    return await answer(request, detail(found, decided, _entrance(request).outside))


@router.put("/{subscriber_id}/grant", responses={200: {"model": SubscriberAnswer}})
async def change_grant(request: Request, subscriber_id: UUID, asked: Granted, principal: Keeper) -> Response:
    """What it may from now on: its connections need not be made anew. 404 also when it is revoked."""
    async with _database(request, principal) as connection:
        found = await store.grant(connection, subscriber_id, asked.grant, by=principal.subject, now=now(request))
    if found is None:
        raise Problem(404)
    return await answer(request, subscriber_answer(found))


@router.post("/{subscriber_id}/password", responses={200: {"model": SubscriberWithPassword}})
async def renew_password(request: Request, subscriber_id: UUID, principal: KeeperOrOwner) -> Response:
    """A new password in place of the one before, shown this once. Connections made with the old one last for 15 minutes
    at most. 404 also when it is revoked."""
    async with _database(request, principal) as connection:
        await _one(connection, subscriber_id, principal)
        entrance, password = _entrance(request), new_password()
        outside = entrance.outside
        found = await store.renew(
            connection, subscriber_id, password, entrance.ring, by=principal.subject, now=now(request)
        )
    if found is None:
        raise Problem(404)
    return await answer(request, with_password(found, password, configuration(found, password, outside)))


@router.post("/{subscriber_id}/revocation", status_code=204)
async def revoke_subscriber(request: Request, subscriber_id: UUID, asked: Reason, principal: Keeper) -> Response:
    """Shuts it out for good: it reads nothing more within a second or two. 404 also when it is revoked already."""
    async with _database(request, principal) as connection:
        found = await store.revoke(connection, subscriber_id, asked.reason, by=principal.subject, now=now(request))
    if found is None:
        raise Problem(404)
    return Response(status_code=204)


async def _one(connection: Connection, subscriber_id: UUID, principal: Principal) -> Subscriber:
    """The subscriber, for the centre or its own account. Raises a problem."""
    if not principal.may(Right.SUBSCRIBER_WRITE):
        found = await store.own(connection, subscriber_id, principal.subject)
        if found is None:
            demand(principal, Right.SUBSCRIBER_WRITE)
    else:
        found = await store.one(connection, subscriber_id)
    if found is None:
        raise Problem(404)
    return found
