"""The public streams for subscribers: which there are, and their events from any point on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from services.reporting.http.accepting import form_of
from services.reporting.http.answering import answer, away, now, pool_of, snapshot
from services.reporting.http.areas import area_of
from services.reporting.http.receiving import ReceiverOf
from services.reporting.streams.answering import FAILURES, Answer, Asked, failed
from services.reporting.streams.cursors import MOST_CHARACTERS, BadCursor, Fault
from services.reporting.streams.feed import Feed
from services.reporting.streams.forms import Form
from services.reporting.streams.parts import Streams
from services.reporting.streams.position import ANYTHING, NOTHING, Place, Position
from services.reporting.subscribers.grants import granted_to
from shared.contracts.topics import Topic
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.web.authentication import Authentication, area_asked, demand_area
from shared.web.parameters import KnownParameters
from shared.web.problems import FieldError, Message, Problem

DEFAULT_EVENTS: Final = 1_000
MOST_EVENTS: Final = 100_000
"""Of an answer in lines: a few seconds' work, and of little use to be cut off in."""
MOST_IN_BATCH: Final = 10_000
"""Of one array, which has to be held as a whole on both sides: some 8 MB."""
MOST_WAIT: Final = 50.0
"""Seconds. Proxies commonly end what says nothing for 60 s, and an array cannot say anything before it is whole."""
UNBOUNDED: Final = 2**62
_BEGINNINGS: Final = {"start": "from=start", "end": "from=end", "time": "from={time}", "cursor": "cursor={cursor}"}

router = APIRouter(prefix="/v1", dependencies=[Depends(KnownParameters())])


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """One stream. newest: the time of the newest event that is in the figures, null before the first; events: where
    they are read; begin: the same from the start, from now on, from a time and from a cursor, as templates of URIs."""

    stream: str
    type: str
    dataschema: str
    newest: datetime | None
    events: str
    begin: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamsAnswer:
    """The streams that the token opens. area: of which area, empty for the country; forms: what Accept may name."""

    area: str
    forms: Sequence[str]
    streams: Sequence[StreamAnswer]


@router.get("/streams", responses={200: {"model": StreamsAnswer}})
async def list_streams(request: Request, principal: ReceiverOf) -> Response:
    """Which streams there are for this token, and how to begin."""
    async with snapshot(request) as (connection, as_of):
        granted = await granted_to(connection, principal.subject)
    found = [
        StreamAnswer(
            topic.name,
            topic.event_type or "",
            topic.dataschema or "",
            as_of[topic.name].time,
            path := f"/v1/streams/{topic.name}/events",
            {name: f"{path}?{question}" for name, question in _BEGINNINGS.items()},
        )
        for topic in request.app.state.topics
        if granted is None or topic.name in granted
    ]
    return await answer(request, StreamsAnswer(principal.area, list(Form), found))


@router.get(
    "/streams/{stream}/events",
    response_class=Response,
    responses={
        200: {"content": {form: {} for form in Form}, "description": "CloudEvents, in the form that Accept names"}
    },
)
async def read_events(
    request: Request,
    principal: ReceiverOf,
    stream: Annotated[str, Path(max_length=100)],
    cursor: Annotated[str | None, Query(max_length=MOST_CHARACTERS, description="Goes on behind it")] = None,
    begin: Annotated[
        str | None,
        Query(alias="from", max_length=40, description="`start` (without a cursor), `end`, or an RFC 3339 time"),
    ] = None,
    area: Annotated[str | None, Query(max_length=20, description="Inside the token's; the cursor's without")] = None,
    limit: Annotated[
        int | None,
        Query(ge=1, le=MOST_EVENTS, description=f"{DEFAULT_EVENTS} without; at most {MOST_IN_BATCH} in one array"),
    ] = None,
    wait: Annotated[float, Query(ge=0, le=MOST_WAIT, description="Seconds, when there is nothing yet")] = 0.0,
    last_event_id: Annotated[
        str | None,
        Header(max_length=MOST_CHARACTERS, description="A cursor, for server-sent events; goes before all else"),
    ] = None,
) -> Response:
    """Events of the area, each once, as CloudEvents with `sequence`, `previous`, `partition` and `number`.

    Beside them the stream speaks itself (`care.jitasa.stream.*`), and says each time where to go on (`data.cursor`):
    `position`, `end` (there is nothing more now), `gap` (`data.reason`) and `heartbeat`. Server-sent events stay open
    and have a cursor with each event. What the attributes mean, and what a gap is: docs/subscribers-replay.md.
    """
    scope = None if area is None else area_asked(principal, area_of(area).code)
    topic = stream_of(request, stream)
    form = Form(form_of(request, tuple(Form)))
    if form is Form.BATCH and (limit or 0) > MOST_IN_BATCH:
        message = Message(f"ในรูปแบบนี้ไม่เกิน {MOST_IN_BATCH}", f"At most {MOST_IN_BATCH} in this form")
        raise Problem(400, "invalid", errors=[FieldError("limit", "too_large", message)])
    named = "cursor"
    if form is Form.EVENTS and last_event_id:  # a browser comes back with the address that it first asked for
        cursor, begin, named = last_event_id, None, "Last-Event-ID"
    if cursor is not None and begin is not None:
        message = Message("ใช้ cursor หรือ from อย่างใดอย่างหนึ่ง", "Give a cursor or a beginning, not both")
        raise Problem(400, "invalid", errors=[FieldError("from", "beside_cursor", message)])
    streams: Streams | None = request.app.state.streams
    if streams is None:
        raise Problem(503)
    await demand_grant(request, principal, topic.name)
    milliseconds = None if begin in (None, "start", "end") else milliseconds_of(begin or "")
    try:
        seal = await streams.seals.get()
        if cursor is not None:
            position = seal.position_of(cursor)
            check(position, topic, scope)
        else:
            position = await beginning_of(
                streams, topic, principal.area if scope is None else scope, begin, milliseconds
            )
    except BadCursor as error:
        raise bad_cursor(named, error.fault) from None
    except FAILURES as error:
        raise failed(error) from None
    demand_area(principal, position.area)
    most = UNBOUNDED if form is Form.EVENTS else limit or DEFAULT_EVENTS
    asked = Asked(form, most, wait, _still_allowed(request, principal, topic))
    return Answer(streams, principal, Feed(topic, position), seal, asked)


def stream_of(request: Request, name: str) -> Topic:
    """The stream of that name. Raises a problem."""
    topics: Sequence[Topic] = request.app.state.topics
    for topic in topics:
        if topic.name == name:
            return topic
    names = ", ".join(topic.name for topic in topics)
    detail = Message(f"ไม่มีกระแสข้อมูลนี้ มีเพียง {names}", f"There is no such stream; there are {names}")
    raise Problem(404, "unknown_stream", detail=detail)


def milliseconds_of(text: str) -> int:
    """Since 1970, of an RFC 3339 time; a `+` that was not escaped comes as a space. Raises a problem."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return max(0, int(moment.timestamp() * 1000))
    except (ValueError, OverflowError):
        message = Message(
            "ระบุ start, end หรือเวลาแบบ 2022-01-15T09:30:00+07:00",
            "Give start, end, or a time such as 2022-01-15T02:30:00Z",
        )
        raise Problem(400, "invalid", errors=[FieldError("from", "not_a_time", message)]) from None


async def beginning_of(
    streams: Streams, topic: Topic, area: str, begin: str | None, milliseconds: int | None
) -> Position:
    """Where a feed begins: at the start, the end, or a time (since 1970). Raises one of `FAILURES`."""
    if begin in (None, "start"):
        return Position(topic.name, area, "")
    extent = await streams.extents.now(topic)
    offsets = list(extent.end)
    if milliseconds is not None:
        found = await streams.extents.at(topic, extent, milliseconds)
        offsets = [end if offset is None else offset for offset, end in zip(found, extent.end, strict=True)]
    places = [Place(offset, ANYTHING if offset else NOTHING) for offset in offsets]
    return Position(topic.name, area, extent.topic_id, places=places)


def check(position: Position, topic: Topic, scope: str | None) -> None:
    """Raises `BadCursor` for a position of another feed."""
    if position.stream != topic.name:
        raise BadCursor(Fault.OTHER_STREAM)
    if scope is not None and scope != position.area:
        raise BadCursor(Fault.OTHER_AREA)


_BAD_CURSORS: Final = {
    Fault.NOT_A_CURSOR: Message(
        "ไม่ใช่ตัวชี้ตำแหน่งของระบบนี้ โปรดเริ่มใหม่ด้วย from", "This is not a cursor of ours; begin again with from="
    ),
    Fault.OTHER_VERSION: Message(
        "ตัวชี้ตำแหน่งนี้เป็นของรุ่นอื่น โปรดเริ่มใหม่ด้วย from", "This cursor is of another version; begin again with from="
    ),
    Fault.OTHER_STREAM: Message("ตัวชี้ตำแหน่งนี้เป็นของกระแสข้อมูลอื่น", "This is a cursor of another stream"),
    Fault.OTHER_AREA: Message("ตัวชี้ตำแหน่งนี้เป็นของพื้นที่อื่น", "This is a cursor of another area"),
}


def bad_cursor(named: str, fault: Fault) -> Problem:
    """What is answered to a cursor that cannot be used."""
    return Problem(400, "invalid", errors=[FieldError(named, fault, _BAD_CURSORS[fault])])


async def demand_grant(request: Request, principal: Principal, *streams: str) -> None:
    """Raises a problem where the register grants the account less (docs/subscribers-kafka.md)."""
    try:
        async with acquire(pool_of(request)) as connection:
            granted = await granted_to(connection, principal.subject)
    except UNREACHABLE:
        raise away() from None
    if granted is not None and not granted.issuperset(streams):
        names = ", ".join(sorted(granted)) or "-"
        detail = Message(f"บัญชีนี้รับได้เฉพาะกระแสข้อมูล: {names}", f"This account is granted these streams: {names}")
        raise Problem(403, "stream_not_granted", detail=detail)


def _still_allowed(request: Request, principal: Principal, topic: Topic) -> Callable[[], bool]:
    authentication: Authentication = request.app.state.authentication
    bar, moves, streams = authentication.bar, authentication.moves, request.app.state.streams

    def may_go_on() -> bool:
        if principal.expires_at <= now(request) or bar.is_barred(principal.subject):
            return False
        if not streams.grants.permits(principal.subject, topic.name):
            return False
        return moves is None or not moves.has_left(principal.subject, principal.role, principal.area)

    return may_go_on
