"""The survey's routes.

The two intake routes are served past FastAPI's layers (shared/web/direct.py); they are described in /openapi.json
from the same types that read the bodies.
"""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, FastAPI, Query
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import State
from starlette.requests import Request

from services.survey import fates, store
from services.survey.admission import party_of
from services.survey.intake import MAX_SUBMISSION_BYTES, RETRY_AFTER_SECONDS, Answer, Intake
from services.survey.submission import Submission, SubmissionBatch, Unreadable, read_batch
from services.survey.visits.http import ROUTERS as VISITS
from shared.areas.digits import to_arabic_digits
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import Authentication, demand, demand_area, require
from shared.web.bodies import MAX_BODY_BYTES
from shared.web.direct import Call, DirectRoute, Reply, add_direct_route, json_reply, problem_reply
from shared.web.documentation import with_problems
from shared.web.problems import Message, Problem

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
ROUTERS: Final = (fates.router, *VISITS)
"""Every route but intake's own two and the counts, one router per subject."""
SINGLE, BATCH = "/v1/submissions", "/v1/submissions:batch"
_encode = msgspec.json.Encoder().encode

_DIGITS = "^[0-9\u0e50-\u0e59]*$"
"""Arabic and Thai ones."""


def add_routes(app: FastAPI) -> None:
    """Adds the survey's routes; a `ShortCut` serves the two of intake.

    They use `app.state.intake`, `pool`, `authentication`, `sealing`, `household_ids`, `blind_index` and `clock`.
    """
    add_direct_route(app, DirectRoute(SINGLE, partial(submit, app.state), right=Right.SUBMISSION_CREATE))
    add_direct_route(app, DirectRoute(BATCH, partial(submit_batch, app.state), right=Right.SUBMISSION_CREATE))
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/v1/counts", counts, methods=["GET"])
    app.add_api_route("/v1/counts/days", count_days, methods=["GET"])
    # FastAPI's documented way to extend the description
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]


async def submit(state: State, call: Call) -> Reply:
    """POST /v1/submissions: one submission; 202 when Kafka has it."""
    principal = await _surveyor(state, call)
    intake = _intake(state)
    party, size = party_of(principal), call.head.content_length or MAX_SUBMISSION_BYTES
    if not intake.admission.open(party, size):
        return _FULL_REPLIES[call.language]
    try:
        answer = await intake.accept_one(await call.body(), principal)
    finally:
        intake.admission.close(party, size)
    if answer.status == 202:
        return json_reply(202, _encode({"submission_id": answer.submission_id, "status": 202}))
    raise _problem(answer)


async def submit_batch(state: State, call: Call) -> Reply:
    """POST /v1/submissions:batch: up to 500 submissions; 207 with one result for each, in their order."""
    principal = await _surveyor(state, call)
    intake = _intake(state)
    party, size = party_of(principal), call.head.content_length or MAX_BODY_BYTES
    if not intake.admission.open(party, size):
        return _FULL_REPLIES[call.language]
    try:
        batch = read_batch(await call.body())
        answers = await intake.accept(batch.submissions, principal)
    except Unreadable as error:
        raise Problem(400, errors=error.errors) from None
    finally:
        intake.admission.close(party, size)
    language = call.language
    headers = _RETRY_RAW if any(answer.status in (429, 503) for answer in answers) else ()
    return json_reply(207, _encode({"results": [_result(answer, language) for answer in answers]}), headers)


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


async def _surveyor(state: State, call: Call) -> Principal:
    authentication: Authentication = state.authentication
    return demand(await authentication.holder(call.head.authorization), Right.SUBMISSION_CREATE)


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


def _result(answer: Answer, language: str) -> dict[str, Any]:
    return {
        "submission_id": answer.submission_id,
        "status": answer.status,
        "errors": [error.document(language) for error in answer.errors],
    }


def _describe(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with the intake routes and the types that read their bodies."""
    if app.openapi_schema is None:
        description = with_problems(get_openapi(title=app.title, version=app.version, routes=app.routes))
        (body, _), components = msgspec.json.schema_components(
            [Submission, SubmissionBatch], ref_template="#/components/schemas/{name}"
        )
        components["SubmissionBatch"]["properties"]["submissions"]["items"] = body
        description.setdefault("components", {}).setdefault("schemas", {}).update(components)
        answers = {"202": "Kafka has the submission: it is not lost."}
        description["paths"][SINGLE]["post"] = _intake_route("Submission", answers)
        answers = {"207": "One result for each submission, in their order."}
        description["paths"][BATCH] = {"post": _intake_route("SubmissionBatch", answers)}
        app.openapi_schema = description
    return app.openapi_schema


def _intake_route(body: str, answers: dict[str, str]) -> dict[str, Any]:
    refusals = {
        "400": "It cannot be read, or fields are not valid.",
        "401": "No token, or one that is not valid.",
        "403": "The role may not survey, or not for others, or the household lies outside the token's area.",
        "413": f"More than {MAX_SUBMISSION_BYTES} bytes for one submission.",
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
