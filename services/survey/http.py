"""The survey's routes.

Intake's routes are served past FastAPI's layers (shared/web/direct.py); they are described in /openapi.json from the
same types that read the bodies.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from fastapi import Depends, FastAPI, Query
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import State
from starlette.requests import Request

from services.survey import fates, store
from services.survey.desk.http import router as desk_router
from services.survey.help import http as help_http
from services.survey.help.domain import Refused as HelpRefused
from services.survey.help.http.refusals import on_refused as on_help_refused
from services.survey.intake import MAX_FOLLOW_UP_BYTES, MAX_SUBMISSION_BYTES, RETRY_AFTER_SECONDS, Answer, Body, Intake
from services.survey.openrosa import http as openrosa
from services.survey.parties import party_of
from services.survey.phone.http import router as device_keys
from services.survey.privacy.http import ROUTERS as PRIVACY
from services.survey.reach import http as reach
from services.survey.reach.follow_up import FollowUp, FollowUpBatch, read_follow_ups
from services.survey.submission import Submission, SubmissionBatch, Unreadable, read_batch
from services.survey.visits.http import router as visits_router
from shared.areas.digits import to_arabic_digits
from shared.postgres.pool import UNREACHABLE, acquire
from shared.postgres.throttle import Throttled
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import Authentication, demand, demand_area, require
from shared.web.bodies import MAX_BODY_BYTES
from shared.web.direct import Call, DirectRoute, Reply, add_direct_route, json_reply, problem_reply
from shared.web.documentation import with_problems
from shared.web.problems import Message, Problem
from shared.web.throttling import on_throttled
from shared.web.unreachable import on_unreachable

_OUTCOME_UNKNOWN = Message(
    "ไม่ทราบว่าบันทึกแล้วหรือไม่ โปรดส่งอีกครั้งด้วยรหัสเดิม",
    "It is not known whether this was accepted; send it again with the same id",
)
_KAFKA_AWAY = Message(
    "ขณะนี้รับข้อมูลไม่ได้ โปรดส่งอีกครั้งด้วยรหัสเดิม",
    "Submissions cannot be taken at the moment; send it again with the same id",
)
_AT_LIMIT = Message("ระบบรับเต็มกำลัง โปรดส่งอีกครั้ง", "Intake is at its limit; send it again")
_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_RETRY_RAW = ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)
_FULL = Problem(429, detail=_AT_LIMIT, headers=_RETRY)
_FULL_REPLIES = {language: problem_reply(_FULL, language) for language in ("th", "en")}
"""Written once: under a flood nearly all answers are these."""
ROUTERS: Final = (
    fates.router,
    reach.router,
    *help_http.ROUTERS,
    desk_router,
    visits_router,
    *PRIVACY,
    device_keys,
    *openrosa.ROUTERS,
)
"""Every route but intake's own and the counts, one router per subject."""
_encode = msgspec.json.Encoder().encode


class Form(NamedTuple):
    """One kind of record that phones send, alone or in a batch.

    path: of its route, that of a batch ends in `:batch`; right: who may send it; body, batch: its types; items: the
    batch's field; id_name: under which name its id is answered; one_bytes: how long one may be; refused: why somebody
    may not.
    """

    path: str
    right: Right
    body: type[msgspec.Struct]
    batch: type[msgspec.Struct]
    items: str
    id_name: str
    one_bytes: int
    refused: str
    read_batch: Callable[[bytes], Sequence[Body]]
    accept: Callable[[Intake, Sequence[Body], Principal], Awaitable[list[Answer]]]
    accept_one: Callable[[Intake, bytes, Principal], Awaitable[Answer]]


SUBMISSIONS: Final = Form(
    path="/v1/submissions",
    right=Right.SUBMISSION_CREATE,
    body=Submission,
    batch=SubmissionBatch,
    items="submissions",
    id_name="submission_id",
    one_bytes=MAX_SUBMISSION_BYTES,
    refused="The role may not survey, or not for others, or the household lies outside the token's area.",
    read_batch=lambda body: read_batch(body).submissions,
    accept=Intake.accept,
    accept_one=Intake.accept_one,
)
FOLLOW_UPS: Final = Form(
    path="/v1/follow-ups",
    right=Right.REACH_WORK,
    body=FollowUp,
    batch=FollowUpBatch,
    items="follow_ups",
    id_name="follow_up_id",
    one_bytes=MAX_FOLLOW_UP_BYTES,
    refused="The role may not follow up, or the household lies outside the token's area.",
    read_batch=read_follow_ups,
    accept=Intake.accept_follow_ups,
    accept_one=Intake.accept_follow_up,
)
FORMS: Final = (SUBMISSIONS, FOLLOW_UPS)

_DIGITS = "^[0-9\u0e50-\u0e59]*$"
"""Arabic and Thai ones."""


def add_routes(app: FastAPI) -> None:
    """Adds the survey's routes; a `ShortCut` serves those of intake.

    They use `app.state.intake`, `pool`, `authentication`, `sealing`, `household_ids`, `blind_index` and `clock`.
    """
    for form in FORMS:
        add_direct_route(app, DirectRoute(form.path, partial(submit, app.state, form), right=form.right))
        add_direct_route(
            app, DirectRoute(f"{form.path}:batch", partial(submit_batch, app.state, form), right=form.right)
        )
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HelpRefused, on_help_refused)
    app.add_exception_handler(Throttled, on_throttled)
    for unreachable in UNREACHABLE:
        app.add_exception_handler(unreachable, on_unreachable)
    app.add_api_route("/v1/counts", counts, methods=["GET"])
    app.add_api_route("/v1/counts/days", count_days, methods=["GET"])
    # FastAPI's documented way to extend the description
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]


async def submit(state: State, form: Form, call: Call) -> Reply:
    """POST /v1/submissions or /v1/follow-ups: one; 202 when Kafka has it."""
    principal = await _sender(state, form, call)
    intake = _intake(state)
    party, size = party_of(principal), call.head.content_length or form.one_bytes
    if not intake.admission.open(party, size):
        await intake.admission.refuse(size)
        return _FULL_REPLIES[call.language]
    try:
        answer = await form.accept_one(intake, await call.body(), principal)
    finally:
        intake.admission.close(party, size)
    if answer.status == 202:
        return json_reply(202, _encode({form.id_name: answer.submission_id, "status": 202}))
    raise _problem(answer)


async def submit_batch(state: State, form: Form, call: Call) -> Reply:
    """POST /v1/submissions:batch or /v1/follow-ups:batch: up to 500; 207 with one result for each, in their order."""
    principal = await _sender(state, form, call)
    intake = _intake(state)
    party, size = party_of(principal), call.head.content_length or MAX_BODY_BYTES
    if not intake.admission.open(party, size):
        await intake.admission.refuse(size)
        return _FULL_REPLIES[call.language]
    try:
        answers = await form.accept(intake, form.read_batch(await call.body()), principal)
    except Unreadable as error:
        raise Problem(400, errors=error.errors) from None
    finally:
        intake.admission.close(party, size)
    language = call.language
    headers = _RETRY_RAW if any(answer.status in (429, 503) for answer in answers) else ()
    return json_reply(207, _encode({"results": [_result(form, answer, language) for answer in answers]}), headers)


async def counts(
    request: Request,
    principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    area: Annotated[str, Query(max_length=6, pattern=_DIGITS)] = "",
) -> list[dict[str, Any]]:
    """The survey's own sums by subdistrict, counted from its tables: what reporting's figures are reconciled with."""
    prefix = to_arabic_digits(area) or principal.area
    demand_area(principal, prefix)
    try:
        async with acquire(request.app.state.pool) as connection:
            return await store.counts(connection, prefix)
    except UNREACHABLE:
        raise Problem(503, headers=_RETRY) from None


async def count_days(
    request: Request,
    principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    area: Annotated[str, Query(max_length=6, pattern=_DIGITS)],
) -> list[dict[str, Any]]:
    """By how much each day in Thailand, by when the doors were visited, changed the sums of an area."""
    prefix = to_arabic_digits(area)
    demand_area(principal, prefix)
    try:
        async with acquire(request.app.state.pool) as connection:
            return await store.days(connection, prefix)
    except UNREACHABLE:
        raise Problem(503, headers=_RETRY) from None


async def _sender(state: State, form: Form, call: Call) -> Principal:
    authentication: Authentication = state.authentication
    return demand(await authentication.holder(call.head.authorization), form.right)


def _intake(state: State) -> Intake:
    intake: Intake | None = state.intake
    if intake is None:
        raise Problem(503, detail=_KAFKA_AWAY, headers=_RETRY)
    return intake


def _problem(answer: Answer) -> Problem:
    if answer.status == 503:
        return Problem(503, detail=_OUTCOME_UNKNOWN, headers=_RETRY)
    if answer.status == 429:
        return _FULL
    code = "invalid" if answer.status == 400 else None
    if answer.errors and answer.status == 403:
        code = answer.errors[0].code
    elif answer.errors and answer.errors[0].code == "malformed_json":
        code = "malformed"
    return Problem(answer.status, code, errors=answer.errors)


def _result(form: Form, answer: Answer, language: str) -> dict[str, Any]:
    return {
        form.id_name: answer.submission_id,
        "status": answer.status,
        "errors": [error.document(language) for error in answer.errors],
    }


def _describe(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with the intake routes and the types that read their bodies."""
    if app.openapi_schema is None:
        description = with_problems(get_openapi(title=app.title, version=app.version, routes=app.routes))
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        for form in FORMS:
            (body, _), components = msgspec.json.schema_components(
                [form.body, form.batch], ref_template="#/components/schemas/{name}"
            )
            components[form.batch.__name__]["properties"][form.items]["items"] = body
            schemas.update(components)
            answers = {"202": "Kafka has it: it is not lost."}
            path = description["paths"].setdefault(form.path, {})
            path["post"] = _intake_route(form, form.body.__name__, answers)
            answers = {"207": "One result for each, in their order."}
            description["paths"][f"{form.path}:batch"] = {"post": _intake_route(form, form.batch.__name__, answers)}
        app.openapi_schema = description
    return app.openapi_schema


def _intake_route(form: Form, body: str, answers: dict[str, str]) -> dict[str, Any]:
    refusals = {
        "400": "It cannot be read, or fields are not valid.",
        "401": "No token, or one that is not valid.",
        "403": form.refused,
        "413": f"More than {form.one_bytes} bytes for one.",
        "429": "Intake is at its limit: send again after Retry-After seconds.",
        "503": "The outcome is unknown: send again with the same id.",
    }
    return {
        "summary": f"Send a {body}",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
        },
        "responses": {status: {"description": text} for status, text in (answers | refusals).items()},
    }
