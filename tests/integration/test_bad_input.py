"""Bad input gets a clear error and nothing is lost: over HTTP against every service, and in every topic that is read.

The cases are the rows of docs/bad-input.md; a test holds the page to them.
"""

import asyncio
import gzip
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.stack import Stack
from services.survey.intake import MAX_FOLLOW_UP_BYTES, MAX_SUBMISSION_BYTES
from shared.areas.register import children
from shared.contracts.events import Role
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    SURVEY_INTAKE,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    Topic,
)
from shared.postgres.pool import open_pool
from shared.security.blind_index import BlindIndex
from shared.security.citizen_tokens import sign_citizen
from shared.security.citizens import citizen_of
from shared.security.tokens import TokenSigner
from shared.web.bodies import MAX_BODY_BYTES
from tests.runtime import Runtime

PAGE: Final = Path(__file__).parents[2] / "docs" / "bad-input.md"
DEADLINE_SECONDS: Final = 30.0
"""What follows a poison record is applied within a second; a busy machine needs more."""

ServiceName = Literal["registration", "survey", "facilities", "reporting"]
Body = dict[str, Any] | bytes | None


def submission(**changes: Any) -> dict[str, Any]:
    """A good submission in Chiang Mai, with changes at its top level."""
    return {
        "submission_id": str(uuid4()),
        "captured_at": "2022-01-15T09:30:00+07:00",
        "address": {"area": "500101", "house": "99/1"},
        "persons": [{"age": 71, "sex": "f", "doses": [{"number": 1, "date": "2021-08-01"}], "wants_vaccine": "yes"}],
    } | changes


def person(**changes: Any) -> dict[str, Any]:
    """A good submission with one person who differs."""
    return submission(persons=[{"age": 71} | changes])


def subject_request(**changes: Any) -> dict[str, Any]:
    """A good request about one's data, written down for somebody, with changes."""
    return {
        "request_id": str(uuid4()),
        "kind": "access",
        "area": "500101",
        "house": "99/1",
        "identity": "card",
    } | changes


def follow_up(**changes: Any) -> dict[str, Any]:
    """A good follow-up in Chiang Mai, with changes."""
    return {
        "follow_up_id": str(uuid4()),
        "captured_at": "2022-01-15T09:30:00+07:00",
        "household_id": "50010100-0000-8000-8000-000000000001",
        "person_id": str(uuid4()),
        "outcome": "no_answer",
        "contact": "visit",
    } | changes


def place(**changes: Any) -> dict[str, Any]:
    """A good place in Chiang Mai, with changes."""
    return {"kind": "hospital", "name": "โรงพยาบาล", "area": "500101", "capacity": 10, "free": 2} | changes


def organisation(**changes: Any) -> dict[str, Any]:
    """A good organisation in Chiang Mai, with changes."""
    return {"name": "สาธารณสุข", "kind": "agency", "area": "50"} | changes


def sign_up(**changes: Any) -> dict[str, Any]:
    """A sign-up whose every field but the group code is good, with changes."""
    return {"group_code": "AAAA-AAAA", "name": "สมหญิง", "phone": "0812345678", "area": "500101"} | changes


def appointment(**changes: Any) -> dict[str, Any]:
    """An appointment for an organisation that does not exist, with changes."""
    return {
        "name": "สมหญิง",
        "phone": "0812345678",
        "role": "subdistrict_coordinator",
        "area": "500101",
        "organisation_id": str(UUID(int=1)),
    } | changes


def problem(**changes: Any) -> dict[str, Any]:
    """A good ticket, with changes."""
    return {"category": "sign_in", "title": "เข้าไม่ได้", "text": "กดแล้วไม่มีอะไรเกิดขึ้น"} | changes


def course(**changes: Any) -> dict[str, Any]:
    """A good course, with changes."""
    return {"title_th": "การสำรวจ", "title_en": "Surveying", "audience": "partners"} | changes


def session(**changes: Any) -> dict[str, Any]:
    """A session of a course that does not exist, with changes."""
    return {
        "course_id": str(UUID(int=1)),
        "place": "ศาลากลาง",
        "begins_at": "2999-01-01T09:00:00+07:00",
        "ends_at": "2999-01-01T12:00:00+07:00",
        "capacity": 30,
    } | changes


def directive(**changes: Any) -> dict[str, Any]:
    """A good directive, with changes."""
    return {"reference": "มท 0230", "title_th": "เร่งรัด", "text_th": "ให้เร่งรัด", "roles": ["volunteer"]} | changes


def table(**changes: Any) -> dict[str, Any]:
    """A good table of houses, with changes."""
    return {
        "kind": "houses",
        "source": "test",
        "dated": "2021-12-31",
        "rows": [{"area": "500101", "value": 9}],
    } | changes


@dataclass(frozen=True)
class Case:
    """A bad input, and what is answered: the problem's code, or the code of the bad field at `path`."""

    service: ServiceName
    what: str
    route: str
    status: int
    code: str
    path: str | None = None
    body: Body = None
    token: str | None = "central_administrator@"
    headers: dict[str, str] = field(default_factory=dict)


VOLUNTEER: Final = "volunteer@50"
COORDINATOR: Final = "district_coordinator@5001"
ASK_FOR: Final = "POST /v1/subject-requests"
OFFICER: Final = "place_officer@50"
SUBMIT: Final = "POST /v1/submissions"
BATCH: Final = "POST /v1/submissions:batch"
CLAIM: Final = "POST /v1/need-to-reach/claims"
SEARCH: Final = "POST /v1/need-to-reach/search"
FAR: Final = "2999-01-01T00:00:00+07:00"
HOUSE: Final = "POST /v1/houses"
HOUSE_LIST: Final = "POST /v1/houses/imports?mode=apply"
ASSIGN: Final = "POST /v1/houses/assignments"
PROGRESS: Final = "GET /v1/desk/volunteers?area=500101"
REVIEW: Final = "POST /v1/desk/flagged/6f9b1a52-0000-4000-8000-000000000000/review"
DEVICE_KEY: Final = "PUT /v1/device-keys/6f9b1a52-0000-4000-8000-000000000000"
FOLLOW_UP: Final = "POST /v1/follow-ups"
FOLLOW_UPS: Final = "POST /v1/follow-ups:batch"
ODK_KEYS: Final = "POST /v1/openrosa-keys"
ENTER: Final = "POST /v1/facilities"
CHANGE: Final = "PUT /v1/facilities/6f9b1a52-0000-4000-8000-000000000000"
SIGN_UP: Final = "POST /v1/volunteers"
FOUND: Final = "POST /v1/organisations"
APPOINT: Final = "POST /v1/appointments"
TOKENS: Final = "POST /v1/tokens"
ASK: Final = "POST /v1/help-requests"
HELP: Final = "GET /v1/help-requests"
NO_REQUEST: Final = "6f9b1a52-0000-4000-8000-000000000000"
PROVEN_PHONE: Final = "0812345678"
PAST: Final = "2000-01-01"
FIGURES: Final = "GET /v1/coverage"
TABLE: Final = "PUT /v1/denominators"
MONTH: Final = "GET /v1/performance/2022-01"
CORRECT: Final = "POST /v1/performance/2022-03/corrections"
GAP: Final = {"topic": "survey-submitted", "partition": 0, "last": None, "previous": 4, "reason": "ขาดหาย"}
MONITOR: Final = "GET /v1/monitor"
LIST: Final = "POST /v1/denominators/lists?kind=houses&dated=2021-12-31&source=x&mode=apply"
WRONG_SUM: Final = "\n".join(["code,houses", "80,9", *(f"{area.code},10" for area in children("80"))]).encode()


def survey(what: str, status: int, code: str, path: str | None, body: Body, **more: Any) -> Case:
    """A case of the survey, sent by a volunteer of province 50."""
    return Case(
        "survey", what, **({"route": SUBMIT, "token": VOLUNTEER} | more), status=status, code=code, path=path, body=body
    )


def persons(number: int, **more: Any) -> dict[str, Any]:
    """So many persons to take on."""
    return {"persons": [{"household_id": str(UUID(int=1)), "person_id": str(UUID(int=1))}] * number} | more


def house(**changes: Any) -> dict[str, Any]:
    """A good house, with changes."""
    return {"area": "500101", "house": "99/1"} | changes


def assignment(ids: list[str]) -> dict[str, Any]:
    """Houses that are given to nobody."""
    return {"volunteer_id": None, "household_ids": ids}


def visits(what: str, code: str, path: str, body: Body = None, **more: Any) -> Case:
    """A case about whom to reach, sent by a coordinator of district 5001 and answered 400."""
    return Case(
        "survey",
        what,
        **({"route": "GET /v1/need-to-reach", "token": "district_coordinator@5001"} | more),
        status=400,
        code=code,
        path=path,
        body=body,
    )


def desk(what: str, code: str, path: str, body: Body, **more: Any) -> Case:
    """A case of the coordinator's desk, sent by a coordinator of district 5001 and answered 400."""
    return Case(
        "survey",
        what,
        **({"route": HOUSE, "token": "district_coordinator@5001"} | more),
        status=400,
        code=code,
        path=path,
        body=body,
    )


def help_request(**changes: Any) -> dict[str, Any]:
    """A good request for help, with changes."""
    return {
        "request_id": "6f9b1a52-0000-4000-8000-000000000001",
        "kind": "medicine",
        "area": "500101",
        "phone": PROVEN_PHONE,
    } | changes


def asking(what: str, status: int, code: str, path: str | None, body: Body, **more: Any) -> Case:
    """A case of a request for help, sent by a citizen."""
    return survey(what, status, code, path, body, **({"route": ASK, "token": "citizen"} | more))


def facilities(what: str, status: int, code: str, path: str | None, body: Body, **more: Any) -> Case:
    """A case of the register of places, sent by a place officer of province 50."""
    return Case(
        "facilities",
        what,
        **({"route": ENTER, "token": OFFICER} | more),
        status=status,
        code=code,
        path=path,
        body=body,
    )


def registration(what: str, route: str, status: int, code: str, path: str | None, body: Body, **more: Any) -> Case:
    """A case of registration."""
    return Case("registration", what, route, status, code, path, body, **more)


def reporting(what: str, route: str, status: int, code: str, path: str | None, body: Body = None, **more: Any) -> Case:
    """A case of reporting."""
    return Case("reporting", what, route, status, code, path, body, **more)


def who_may_not(service: ServiceName, route: str, body: Body, right_role: str) -> list[Case]:
    """Tokens that are refused, the same in every service."""
    return [
        Case(service, "no token", route, 401, "token_missing", body=body, token=None),
        Case(service, "expired token", route, 401, "token_expired", body=body, token=f"expired {right_role}"),
        Case(
            service,
            "token signed by somebody else",
            route,
            401,
            "token_bad_signature",
            body=body,
            token=f"forged {right_role}",
        ),
        Case(service, "text that is no token", route, 401, "token_malformed", body=body, token="text"),
        Case(service, "role without the right", route, 403, "forbidden", body=body, token="external_system@"),
    ]


CASES: Final = [
    asking("asking for help without a proven phone", 401, "token_missing", None, help_request(), token=None),
    asking("asking for help as a volunteer", 401, "token_wrong_audience", None, help_request(), token=VOLUNTEER),
    asking(
        "help for a phone that was not proven", 400, "not_the_proven_phone", "phone", help_request(phone="0899999999")
    ),
    asking("unknown kind of help", 400, "not_a_choice", "kind", help_request(kind="gold")),
    asking("help for nobody", 400, "too_small", "people", help_request(people=0)),
    asking("help for a village", 400, "too_large", "people", help_request(people=51)),
    asking("help in a whole province", 400, "wrong_level", "area", help_request(area="50")),
    asking("help in an abolished area", 400, "abolished_area", "area", help_request(area="500201")),
    asking(
        "help with the position of elsewhere",
        400,
        "position_elsewhere",
        "position",
        help_request(position={"lat": 13.75, "lon": 100.5}),
    ),
    asking("a long note", 400, "too_long", "note", help_request(note="ก" * 501)),
    asking("misspelt field of a request for help", 400, "unknown_field", "peple", help_request(peple=2)),
    asking("cancelling another's request", 404, "not_found", None, None, route=f"{ASK}/{NO_REQUEST}/cancellation"),
    survey("request for help elsewhere", 404, "not_found", None, None, route=f"{ASK}/{NO_REQUEST}/acceptance"),
    survey(
        "closing for an unknown reason",
        400,
        "not_a_choice",
        "outcome",
        {"outcome": "well"},
        route=f"{ASK}/{NO_REQUEST}/closing",
    ),
    survey("merging by a volunteer", 403, "forbidden", None, {"into": NO_REQUEST}, route=f"{ASK}/{NO_REQUEST}/merger"),
    survey("requests for help of another province", 403, "other_area", None, None, route=f"{HELP}?area=51"),
    survey("requests for help of no status", 400, "not_a_choice", "status", None, route=f"{HELP}?status=lost"),
    survey("requests for help behind no cursor of ours", 400, "invalid", "cursor", None, route=f"{HELP}?cursor=x"),
    survey("watching another province", 403, "other_area", None, None, route=f"{HELP}/live?area=51"),
    survey(
        "public counts of a subdistrict",
        400,
        "unknown_area",
        "area",
        None,
        route=f"{HELP}/public?area=500101",
        token=None,
    ),
    survey(
        "position that is none",
        400,
        "too_large",
        "lat",
        {"lat": 91, "lon": 100},
        route=f"{ASK}/district",
        token=None,
    ),
    survey("malformed JSON", 400, "malformed_json", "", b'{"submission_id": '),
    survey("wrong type", 400, "wrong_type", "persons[0].age", person(age="71")),
    survey("missing field", 400, "required", "address.house", submission(address={"area": "500101"})),
    survey("id that is no UUID", 400, "not_a_uuid", "submission_id", submission(submission_id="7")),
    survey("unknown area", 400, "unknown_area", "address.area", submission(address={"area": "999999", "house": "1"})),
    survey(
        "abolished area", 400, "abolished_area", "address.area", submission(address={"area": "500201", "house": "1"})
    ),
    survey(
        "area that is no subdistrict",
        400,
        "not_a_subdistrict",
        "address.area",
        submission(address={"area": "50", "house": "1"}),
    ),
    survey(
        "time in the future", 400, "in_the_future", "captured_at", submission(captured_at="2999-01-01T00:00:00+07:00")
    ),
    survey(
        "time before any vaccination",
        400,
        "too_early",
        "captured_at",
        submission(captured_at="2019-01-01T00:00:00+07:00"),
    ),
    survey("notice of no version", 400, "unknown_notice", "notice", submission(notice="1999-01")),
    survey(
        "request about data of a house in a province",
        400,
        "not_a_subdistrict",
        "area",
        subject_request(area="50"),
        route=ASK_FOR,
        token=COORDINATOR,
    ),
    survey(
        "request about data of something else",
        400,
        "not_a_choice",
        "kind",
        subject_request(kind="gossip"),
        route=ASK_FOR,
        token=COORDINATOR,
    ),
    survey(
        "request about data with another subdistrict's village",
        400,
        "other_village",
        "village",
        subject_request(village="50010203"),
        route=ASK_FOR,
        token=COORDINATOR,
    ),
    survey(
        "request about data outside the token's area",
        403,
        "other_area",
        None,
        subject_request(area="510101"),
        route=ASK_FOR,
        token=COORDINATOR,
    ),
    survey(
        "readings of more than a year",
        400,
        "not_a_period",
        "to",
        None,
        route="GET /v1/readings?from=2020-01-01T00:00:00Z&to=2022-01-01T00:00:00Z",
        token="central_administrator@",
    ),
    survey(
        "head of the audit chain that is none",
        400,
        "not_a_head",
        "head",
        None,
        route="GET /v1/readings/verification?head=1",
        token="central_administrator@",
    ),
    survey("time without a zone", 400, "no_time_zone", "captured_at", submission(captured_at="2022-01-15T09:30:00")),
    survey(
        "dose in the future",
        400,
        "in_the_future",
        "persons[0].doses[0].date",
        person(doses=[{"number": 1, "date": "2022-01-17"}]),
    ),
    survey(
        "the same dose twice",
        400,
        "same_dose",
        "persons[0].doses[1].number",
        person(doses=[{"number": 1}, {"number": 1}]),
    ),
    survey(
        "national id with a wrong check digit",
        400,
        "national_id_check_digit",
        "persons[0].national_id",
        person(national_id="1101700230704"),
    ),
    survey(
        "national id of other than 13 digits",
        400,
        "national_id_malformed",
        "persons[0].national_id",
        person(national_id="110170023070"),
    ),
    survey(
        "phone that is no mobile", 400, "mobile_malformed", "contact.phone", submission(contact={"phone": "053936150"})
    ),
    survey("more persons than a household has", 400, "too_many", "persons", submission(persons=[{}] * 51)),
    survey("submission above 64 KiB", 413, "too_large", "", submission(padding="x" * MAX_SUBMISSION_BYTES)),
    survey(
        "household outside the token's area",
        403,
        "other_area",
        "address.area",
        submission(address={"area": "100101", "house": "1"}),
    ),
    survey("batch that is no list", 400, "wrong_type", "submissions", {"submissions": {}}, route=BATCH),
    survey("batch of more than 500", 400, "too_many", "submissions", {"submissions": [{}] * 501}, route=BATCH),
    survey("cursor that was not given", 400, "not_a_cursor", "cursor", None, route="GET /v1/submissions?cursor=x"),
    survey(
        "compressed body",
        415,
        "unsupported_media_type",
        None,
        gzip.compress(b" " * 10_000_000),
        headers={"Content-Encoding": "gzip"},
    ),
    visits("list of a status that there is not", "not_a_choice", "status", route="GET /v1/need-to-reach?status=lost"),
    visits("list of an owner who is none", "not_an_owner", "owner", route="GET /v1/need-to-reach?owner=x"),
    visits("misspelt filter of the list", "unknown_parameter", "onwer", route="GET /v1/need-to-reach?onwer=me"),
    visits("cursor of the list that was not given", "not_a_cursor", "cursor", route="GET /v1/need-to-reach?cursor=x"),
    visits(
        "map of the whole country",
        "too_wide",
        "area",
        route="GET /v1/need-to-reach/map?area=",
        token="central_administrator@",
    ),
    visits("more persons taken on at once than anybody may hold", "too_many", "persons", persons(201), route=CLAIM),
    visits("nobody taken on", "too_few", "persons", persons(0), route=CLAIM),
    visits("visit promised for a day too far away", "out_of_range", "due_at", persons(1, due_at=FAR), route=CLAIM),
    visits(
        "visit promised without a time zone",
        "no_time_zone",
        "due_at",
        persons(1, due_at="2022-02-06T00:00:00"),
        route=CLAIM,
    ),
    visits("persons given to nobody", "required", "volunteer_id", persons(1), route="PUT /v1/need-to-reach/claims"),
    visits("search for nothing", "exactly_one", "", {}, route=SEARCH),
    visits("search for a phone that is no mobile", "mobile_malformed", "phone", {"phone": "053936150"}, route=SEARCH),
    visits("search for a name without a letter", "no_letters", "name", {"name": " "}, route=SEARCH),
    visits(
        "search for a house of a district",
        "not_a_subdistrict",
        "house.area",
        {"house": {"area": "5001", "house": "1"}},
        route=SEARCH,
    ),
    visits("route of nobody", "not_an_owner", "owner", {"owner": "none"}, route="POST /v1/need-to-reach/route"),
    visits(
        "route from beyond the poles",
        "too_large",
        "start.lat",
        {"start": {"lat": 91, "lon": 0}},
        route="POST /v1/need-to-reach/route",
    ),
    visits("points near no position", "not_a_position", "near", route="GET /v1/vaccination-points?near=18.78"),
    visits(
        "points of an area and near a position",
        "exactly_one",
        "near",
        route="GET /v1/vaccination-points?near=18.78,98.98&area=50",
    ),
    visits("household whose id is none", "not_a_uuid", "household_id", route="GET /v1/households/7"),
    desk("house in an unknown area", "unknown_area", "area", {"area": "999999", "house": "1"}),
    desk("house in an abolished area", "abolished_area", "area", {"area": "500201", "house": "1"}),
    desk("house in a district", "not_a_subdistrict", "area", {"area": "5001", "house": "1"}),
    desk("village of another subdistrict", "other_village", "village", house(village="50010203")),
    desk("house number that became a date", "became_a_date", "house", house(house="5-Dec")),
    desk("house number of white space alone", "required", "house", house(house=" \u200b")),
    desk("misspelt field of a house", "unknown_field", "hose", house(hose="1")),
    desk("empty list of houses", "empty_file", "file", b"", route=HOUSE_LIST),
    desk("list of houses in no readable letters", "encoding", "file", b"\xff\xfe\x00", route=HOUSE_LIST),
    desk("list of houses without a header", "no_header", "file", b"1,2\n3,4\n", route=HOUSE_LIST),
    desk("list of houses without their numbers", "missing_column", "header.house", b"area\n500101\n", route=HOUSE_LIST),
    desk(
        "too many houses assigned at once",
        "too_many",
        "household_ids",
        assignment([str(UUID(int=1))] * 501),
        route=ASSIGN,
    ),
    desk(
        "assignment of neither houses nor a range", "one_of_two", "household_ids", {"volunteer_id": None}, route=ASSIGN
    ),
    desk("village that is no code", "wrong_form", "village", None, route="GET /v1/houses?village=3"),
    desk(
        "house by house of a whole province",
        "too_wide",
        "area",
        None,
        route="GET /v1/desk/coverage?area=50",
        token="province_administrator@50",
    ),
    desk("misspelt filter of the desk", "unknown_parameter", "stat", None, route="GET /v1/houses?area=500101&stat=new"),
    desk("last day before the first", "backwards", "to", None, route=f"{PROGRESS}&from=2022-02-02&to=2022-02-01"),
    desk("day that is none", "not_a_time", "from", None, route=f"{PROGRESS}&from=2022-02-30"),
    desk("flag that there is not", "not_a_choice", "flag", None, route="GET /v1/desk/flagged?area=500101&flag=x"),
    desk(
        "cursor of the desk that was not given",
        "not_a_cursor",
        "cursor",
        None,
        route="GET /v1/houses?area=500101&cursor=x",
    ),
    desk("verdict that there is not", "not_a_choice", "verdict", {"verdict": "good"}, route=REVIEW),
    desk("correction that is not named", "required", "corrected_by", {"verdict": "corrected"}, route=REVIEW),
    desk("note that is too long", "too_long", "note", {"verdict": "fine", "note": "x" * 501}, route=REVIEW),
    *who_may_not("survey", SUBMIT, submission(), VOLUNTEER),
    survey("key of a phone that is none", 400, "not_a_key", "key", {"key": "c2hvcnQ="}, route=DEVICE_KEY),
    survey(
        "person registered in no area", 400, "unknown_area", "persons[0].registered_area", person(registered_area="99")
    ),
    survey(
        "follow-up of a household of no area",
        400,
        "unknown_household",
        "household_id",
        follow_up(household_id=str(uuid4())),
        route=FOLLOW_UP,
    ),
    survey(
        "follow-up with an unknown outcome", 400, "not_a_choice", "outcome", follow_up(outcome="gone"), route=FOLLOW_UP
    ),
    survey(
        "follow-up in the future",
        400,
        "in_the_future",
        "captured_at",
        follow_up(captured_at="2999-01-01T00:00:00+07:00"),
        route=FOLLOW_UP,
    ),
    survey(
        "appointment without place and time",
        400,
        "required",
        "appointment",
        follow_up(outcome="appointment"),
        route=FOLLOW_UP,
    ),
    survey(
        "appointment before it was made",
        400,
        "before_the_follow_up",
        "appointment.at",
        follow_up(outcome="appointment", appointment={"facility_id": str(uuid4()), "at": "2022-01-15T09:00:00+07:00"}),
        route=FOLLOW_UP,
    ),
    survey(
        "place and time without appointment",
        400,
        "not_an_appointment",
        "appointment",
        follow_up(appointment={"facility_id": str(uuid4()), "at": "2022-01-16T09:00:00+07:00"}),
        route=FOLLOW_UP,
    ),
    survey(
        "dose of somebody not vaccinated", 400, "not_vaccinated", "dose", follow_up(dose={"number": 1}), route=FOLLOW_UP
    ),
    survey(
        "dose dated after the follow-up",
        400,
        "in_the_future",
        "dose.date",
        follow_up(outcome="vaccinated", dose={"number": 1, "date": "2022-01-17"}),
        route=FOLLOW_UP,
    ),
    survey(
        "dose dated before any vaccination",
        400,
        "too_early",
        "dose.date",
        follow_up(outcome="vaccinated", dose={"number": 1, "date": "2019-01-17"}),
        route=FOLLOW_UP,
    ),
    survey(
        "another try in more than a year",
        400,
        "too_far_ahead",
        "next_at",
        follow_up(next_at="2024-01-15T09:30:00+07:00"),
        route=FOLLOW_UP,
    ),
    survey("key of ODK Collect without a name for the device", 400, "required", "label", {}, route=ODK_KEYS),
    survey(
        "key of ODK Collect for more than 90 days",
        400,
        "too_large",
        "days",
        {"label": "โทรศัพท์", "days": 91},
        route=ODK_KEYS,
    ),
    survey(
        "key of ODK Collect with a misspelt field",
        400,
        "unknown_field",
        "day",
        {"label": "x", "day": 1},
        route=ODK_KEYS,
    ),
    survey(
        "end of a key of ODK Collect whose id is no UUID",
        400,
        "not_a_uuid",
        "key_id",
        None,
        route="DELETE /v1/openrosa-keys/7",
    ),
    survey("note above 500 characters", 400, "too_long", "note", follow_up(note="x" * 501), route=FOLLOW_UP),
    survey(
        "follow-up above 8 KiB", 413, "too_large", "", follow_up(padding="x" * MAX_FOLLOW_UP_BYTES), route=FOLLOW_UP
    ),
    survey(
        "follow-up outside the token's area",
        403,
        "other_area",
        "household_id",
        follow_up(household_id="10010100-0000-8000-8000-000000000001"),
        route=FOLLOW_UP,
    ),
    survey("follow-ups that are no list", 400, "wrong_type", "follow_ups", {"follow_ups": {}}, route=FOLLOW_UPS),
    survey("more than 500 follow-ups", 400, "too_many", "follow_ups", {"follow_ups": [{}] * 501}, route=FOLLOW_UPS),
    facilities("malformed JSON", 400, "malformed_json", "", b'{"kind": '),
    facilities("wrong type", 400, "not_a_whole_number", "capacity", place(capacity="10")),
    facilities("missing field", 400, "required", "name", {"kind": "hospital", "area": "500101"}),
    facilities("misspelt field", 400, "unknown_field", "capcity", place(capcity=10)),
    facilities("unknown kind of place", 400, "not_a_choice", "kind", place(kind="temple")),
    facilities("id that is no UUID", 400, "not_a_uuid", "facility_id", place(facility_id="7")),
    facilities("unknown area", 400, "unknown_area", "area", place(area="999999")),
    facilities("abolished area", 400, "abolished_area", "area", place(area="500201")),
    facilities("area that is no subdistrict", 400, "not_a_subdistrict", "area", place(area="5001")),
    facilities(
        "latitude and longitude swapped", 400, "swapped", "position", place(position={"lat": 98.98, "lon": 18.79})
    ),
    facilities("position in the sea", 400, "in_the_sea", "position", place(position={"lat": 10.5, "lon": 101.0})),
    facilities(
        "position in another district", 400, "outside_area", "position", place(position={"lat": 18.92, "lon": 98.99})
    ),
    facilities(
        "vaccines at a field hospital",
        400,
        "not_for_this_kind",
        "details.vaccines",
        place(kind="field_hospital", details={"vaccines": ["208"]}),
    ),
    facilities(
        "vaccine that there is not",
        400,
        "not_a_choice",
        "details.vaccines[0]",
        place(kind="vaccination_point", free=None, details={"vaccines": ["999"]}),
    ),
    facilities(
        "date twice among the exceptions",
        400,
        "repeated",
        "hours_exceptions[1].date",
        place(hours_exceptions=[{"date": "2022-04-13"}] * 2),
    ),
    facilities(
        "another organisation's place", 403, "other_organisation", None, place(organisation_id=str(UUID(int=9)))
    ),
    facilities("empty file", 400, "empty_file", "body", b"", route="POST /v1/imports?name=a.csv"),
    facilities(
        "file above 30 MB", 413, "too_large", None, b"x" * (30 * 2**20 + 1), route="POST /v1/imports?name=a.csv"
    ),
    facilities(
        "box that is none", 400, "not_a_position", "bbox", None, route="GET /v1/public/places.geojson?bbox=1,2,1,2"
    ),
    facilities(
        "confirmations above 500",
        400,
        "too_many",
        "facility_ids",
        {"facility_ids": [str(UUID(int=n)) for n in range(501)]},
        route="POST /v1/confirmations",
    ),
    facilities(
        "position outside Thailand", 400, "outside_thailand", "position.lat", place(position={"lat": 48.1, "lon": 98.9})
    ),
    facilities("official code of another form", 400, "wrong_form", "official_code", place(official_code="ea0012345")),
    facilities("more free beds than beds", 400, "more_than_capacity", "free", place(free=11)),
    facilities("free beds at a test point", 400, "not_for_this_kind", "free", place(kind="test_point")),
    facilities(
        "opening hour that is no time",
        400,
        "not_a_time",
        "hours[0].open",
        place(hours=[{"days": ["mon"], "open": "8.30", "close": "16:30"}]),
    ),
    facilities(
        "web address with a script",
        400,
        "wrong_form",
        "contact.website",
        place(contact={"website": "javascript:alert(1)"}),
    ),
    facilities("name of more than 200 characters", 400, "too_long", "name", place(name="ก" * 201)),
    facilities("character that cannot be shown", 400, "control_character", "name", place(name="a\u0000b")),
    facilities("body above 64 KiB", 413, "too_large", None, place(hours_note="x" * 64 * 1024)),
    facilities("place outside the token's area", 403, "other_area", None, place(area="100101")),
    facilities("update without If-Match", 428, "precondition_required", None, place(), route=CHANGE),
    facilities(
        "If-Match that is no ETag", 400, "wrong_form", "if-match", place(), route=CHANGE, headers={"If-Match": "*"}
    ),
    facilities(
        "update of an unknown place", 404, "not_found", None, place(), route=CHANGE, headers={"If-Match": '"1"'}
    ),
    facilities(
        "cursor that was not given",
        400,
        "unknown_cursor",
        "cursor",
        None,
        route="GET /v1/facilities?cursor=x",
        token=None,
    ),
    facilities(
        "filter that there is not here", 400, "unknown_parameter", "q", None, route="GET /v1/facilities?q=x", token=None
    ),
    *who_may_not("facilities", ENTER, place(), OFFICER),
    registration("malformed JSON", FOUND, 400, "malformed_json", "", b'{"name": '),
    registration("wrong type", FOUND, 400, "not_text", "name", organisation(name=7)),
    registration("missing field", FOUND, 400, "required", "kind", {"name": "สาธารณสุข", "area": "50"}),
    registration("misspelt field", FOUND, 400, "unknown_field", "nmae", organisation(nmae="x")),
    registration("unknown kind of organisation", FOUND, 400, "not_a_choice", "kind", organisation(kind="club")),
    registration("unknown area", FOUND, 400, "unknown_area", "area", organisation(area="99")),
    registration("abolished area", FOUND, 400, "abolished_area", "area", organisation(area="500201")),
    registration("body above 64 KiB", FOUND, 413, "too_large", None, organisation(name="x" * 64 * 1024)),
    registration(
        "organisation outside the token's area",
        FOUND,
        403,
        "other_area",
        None,
        organisation(),
        token="province_administrator@10",
    ),
    registration(
        "national id with a wrong check digit",
        SIGN_UP,
        400,
        "national_id_check_digit",
        "national_id",
        sign_up(national_id="1101700230704"),
        token=None,
    ),
    registration(
        "phone that is no mobile", SIGN_UP, 400, "mobile_malformed", "phone", sign_up(phone="053936150"), token=None
    ),
    registration(
        "foreign phone", SIGN_UP, 400, "mobile_foreign", "phone", sign_up(phone="+44 7700 900123"), token=None
    ),
    registration("name that nobody sees", SIGN_UP, 400, "too_short", "name", sign_up(name="\u200b\u200d"), token=None),
    registration(
        "name that a spreadsheet would run", SIGN_UP, 400, "formula", "name", sign_up(name="=1+1"), token=None
    ),
    registration("unknown group code", SIGN_UP, 400, "unknown", "group_code", sign_up(), token=None),
    registration(
        "unknown volunteer",
        "POST /v1/volunteers/6f9b1a52-0000-4000-8000-000000000000/approval",
        404,
        "not_found",
        None,
        {},
    ),
    registration("role from a day that is over", APPOINT, 400, "in_the_past", "from", appointment(**{"from": PAST})),
    registration("role that ends before it begins", APPOINT, 400, "before_from", "to", appointment(to=PAST)),
    registration(
        "role that nobody is appointed to",
        APPOINT,
        400,
        "not_a_choice",
        "role",
        appointment(role="central_administrator", area=""),
    ),
    registration(
        "system that would decide about people",
        "POST /v1/systems",
        400,
        "not_a_choice",
        "role",
        {"name": "HIS", "role": "province_administrator", "area": "50"},
    ),
    registration("token request that cannot be read", TOKENS, 400, "invalid_request", None, b"{", token=None),
    registration("revocation of nothing", f"{TOKENS}/revocation", 400, "invalid_request", None, {}, token=None),
    registration(
        "unknown grant_type", TOKENS, 400, "unsupported_grant_type", None, {"grant_type": "password"}, token=None
    ),
    registration(
        "wrong client secret",
        TOKENS,
        401,
        "invalid_client",
        None,
        {"grant_type": "client_credentials", "client_id": str(UUID(int=1)), "client_secret": "x"},
        token=None,
    ),
    registration(
        "wrong one-time code",
        TOKENS,
        400,
        "invalid_grant",
        None,
        {"grant_type": "urn:jitasa:one-time-code", "phone": "0812345678", "code": "000000"},
        token=None,
    ),
    registration(
        "unknown category of a problem", "POST /v1/problems", 400, "not_a_choice", "category", problem(category="x")
    ),
    registration("problem without a word", "POST /v1/problems", 400, "too_short", "text", problem(text=" ")),
    registration(
        "course for nobody", "POST /v1/trainings/courses", 400, "not_a_choice", "audience", course(audience="x")
    ),
    registration("session of an unknown course", "POST /v1/trainings/sessions", 400, "unknown", "course_id", session()),
    registration(
        "session without a seat", "POST /v1/trainings/sessions", 400, "too_small", "capacity", session(capacity=0)
    ),
    registration(
        "session at no known time",
        "POST /v1/trainings/sessions",
        400,
        "not_a_time",
        "begins_at",
        session(begins_at="พรุ่งนี้"),
    ),
    registration("material that is no file", "POST /v1/trainings/files", 415, "unknown_kind", None, b"MZ"),
    registration("directive to nobody", "POST /v1/directives", 400, "too_few", "roles", directive(roles=[])),
    registration(
        "directive that was due before it was sent",
        "POST /v1/directives",
        400,
        "out_of_range",
        "deadline",
        directive(deadline="2000-01-01T00:00:00+07:00"),
    ),
    registration(
        "more approvals at once than 500",
        "POST /v1/approvals",
        400,
        "too_many",
        "volunteer_ids",
        {"decision": "approve", "volunteer_ids": [str(UUID(int=n)) for n in range(501)]},
    ),
    registration(
        "code for nobody",
        "POST /v1/organisations/6f9b1a52-0000-4000-8000-000000000000/group-codes",
        404,
        "not_found",
        None,
        {},
    ),
    registration(
        "code without a use",
        "POST /v1/organisations/6f9b1a52-0000-4000-8000-000000000000/group-codes",
        400,
        "too_small",
        "uses",
        {"uses": 0},
    ),
    registration(
        "roll of an unknown organisation",
        "POST /v1/organisations/6f9b1a52-0000-4000-8000-000000000000/volunteer-imports?mode=check",
        404,
        "not_found",
        None,
        b"x",
    ),
    registration(
        "a foreign phone to prove",
        "POST /v1/phone-proofs",
        400,
        "mobile_foreign",
        "phone",
        {"phone": "+1 202 555 0100"},
        token=None,
    ),
    registration(
        "a wrong code of a phone",
        "POST /v1/phone-proofs/6f9b1a52-0000-4000-8000-000000000000/token",
        400,
        "wrong_code",
        "code",
        {"code": "000000"},
        token=None,
    ),
    registration(
        "a wrong code of another phone of one's own",
        "PUT /v1/me/phone",
        400,
        "wrong_code",
        "code",
        {"phone": "0812345678", "proof_id": "6f9b1a52-0000-4000-8000-000000000000", "code": "000000"},
    ),
    registration(
        "help for a whole district",
        "POST /v1/registration-help",
        400,
        "wrong_level",
        "area",
        {"name": "สมหญิง", "phone": "0812345678", "area": "5001"},
        token=None,
    ),
    *who_may_not("registration", FOUND, organisation(), "central_administrator@"),
    reporting("unknown area", FIGURES + "?area=99", 400, "unknown_area", "area"),
    reporting("abolished area", FIGURES + "?area=500201", 400, "abolished_area", "area"),
    reporting("unknown level", FIGURES + "?level=village", 400, "not_a_choice", "level"),
    reporting("level wider than the area", FIGURES + "?area=5001&level=province", 400, "wider_than_area", "level"),
    reporting("unknown area of the live picture", "GET /v1/picture?area=99", 400, "unknown_area", "area"),
    reporting("cursor that was not given", "GET /v1/places?cursor=x", 400, "not_a_cursor", "cursor"),
    reporting("page that was not given", FIGURES + "?level=district&cursor=x", 400, "not_a_cursor", "cursor"),
    reporting("a form that nobody makes", FIGURES, 406, "not_acceptable", None, headers={"Accept": "application/xml"}),
    reporting("a day to come", "GET /v1/history?day=2999-01-01", 400, "in_the_future", "day"),
    reporting("a day and a span", "GET /v1/history?day=2022-02-01&from=2022-01-01", 400, "not_both", "day"),
    reporting("no date", "GET /v1/history?from=yesterday", 400, "not_a_time", "from"),
    reporting("a year that is none", "GET /v1/history?day=0022-02-01", 400, "too_small", "day"),
    reporting(
        "end before the beginning", "GET /v1/history?from=2022-02-02&to=2022-02-01", 400, "after_the_end", "from"
    ),
    reporting("too many days", "GET /v1/history?from=2020-01-01&to=2022-02-01", 400, "too_many_days", "from"),
    reporting("unknown measure", "GET /v1/history?measure=names", 400, "not_a_choice", "measure[0]"),
    reporting("no month", "GET /dhis2/dataValueSets.json?period=202213", 400, "not_a_month", "period"),
    reporting("a month to come", "GET /dhis2/dataValueSets.json?period=299901", 400, "in_the_future", "period"),
    reporting("malformed JSON", TABLE, 400, "malformed_json", "", b'{"kind": '),
    reporting(
        "wrong type", TABLE, 400, "not_a_whole_number", "rows[0].value", table(rows=[{"area": "500101", "value": "9"}])
    ),
    reporting("table of the future", TABLE, 400, "in_the_future", "dated", table(dated="2999-12-31")),
    reporting(
        "unknown area in a table",
        TABLE,
        400,
        "unknown_area",
        "rows[0].area",
        table(rows=[{"area": "999999", "value": 9}]),
    ),
    reporting(
        "area twice in a table",
        TABLE,
        400,
        "duplicate_area",
        "rows[1].area",
        table(rows=[{"area": "500101", "value": 9}] * 2),
    ),
    reporting(
        "table by somebody of one province", TABLE, 403, "forbidden", None, table(), token="province_administrator@50"
    ),
    reporting("period of the future", MONITOR + "?to=2999-12-31", 400, "in_the_future", "to"),
    reporting(
        "period that begins behind its end", MONITOR + "?from=2022-01-02&to=2022-01-01", 400, "after_the_end", "from"
    ),
    reporting("period of more than a year", MONITOR + "?from=2020-12-31&to=2022-01-01", 400, "too_long", "from"),
    reporting("page of the monitor that was not given", MONITOR + "?cursor=x", 400, "not_a_cursor", "cursor"),
    reporting("list of houses whose letters cannot be read", LIST, 400, "encoding", "file", b"\x00\x01\x02"),
    reporting("list of houses as an old workbook", LIST, 400, "old_workbook", "file", b"\xd0\xcf\x11\xe0 workbook"),
    reporting("list of houses with an unknown area", LIST, 400, "unknown_area", "A2", b"code,houses\n999999,5\n"),
    reporting(
        "list of houses with a number that is none", LIST, 400, "not_a_whole_number", "B2", b"code,houses\n50,many\n"
    ),
    reporting("list without a column of areas", LIST, 400, "missing_column", "code", b"name of road,houses\nx,5\n"),
    reporting("list whose sum is not the total that it gives", LIST, 409, "sums_differ", None, WRONG_SUM),
    reporting("list with a column that no sheet has", LIST + "&value=ZZ", 400, "no_such_column", "value", b"50,1\n"),
    reporting("table of an unknown id", f"GET /v1/denominators/{UUID(int=0)}/rows.csv", 404, "not_found", None),
    *who_may_not("reporting", TABLE, table(), "central_administrator@"),
    reporting("month that is none", "GET /v1/performance/2022-13", 400, "not_a_month", "month"),
    reporting("month of the Buddhist era", "POST /v1/performance/2565-01/closing", 409, "not_ended", None),
    reporting("figure that is none", MONTH + "?sort=cats", 400, "not_a_choice", "sort"),
    reporting("volunteers of the whole country", MONTH + "?level=volunteer", 400, "too_wide", "area"),
    reporting(
        "areas of one organisation",
        MONTH + f"?organisation={UUID(int=1)}&level=province",
        400,
        "not_at_this_level",
        "organisation",
    ),
    reporting("cursor of a month that was not given", MONTH + "?cursor=x", 400, "not_a_cursor", "cursor"),
    reporting("revision that a month has not", MONTH + "?revision=9", 404, "not_found", None),
    reporting("subdistricts of a month without a token", MONTH + "?area=5001", 401, "token_missing", None, token=None),
    reporting(
        "volunteers of another area",
        MONTH + "?area=51&level=volunteer",
        403,
        "other_area",
        None,
        token="district_coordinator@5001",
    ),
    reporting("document of a month that is none", "GET /v1/performance/x.pdf", 400, "not_a_month", "month"),
    reporting("document in another language", MONTH + ".pdf?lang=la", 400, "not_a_choice", "lang"),
    reporting("letterhead of two lines", MONTH + ".pdf?signer=a%0Ab", 400, "wrong_form", "signer"),
    reporting("document of a revision that a month has not", MONTH + ".csv?revision=9", 404, "not_found", None),
    reporting("more rows than paper takes", MONTH + ".pdf?level=subdistrict", 400, "too_many_rows", "level"),
    reporting(
        "file of volunteers without a token",
        MONTH + ".xlsx?level=volunteer",
        401,
        "token_missing",
        None,
        token=None,
    ),
    reporting("document that is not here any more", f"GET /v1/documents/{UUID(int=1)}", 404, "not_found", None),
    reporting("correction of an open month", CORRECT, 409, "not_closed", None, {"reason": "late"}),
    reporting("correction without a reason", CORRECT, 400, "required", "reason", {}),
    reporting(
        "closing by somebody of one province",
        "POST /v1/performance/2022-01/closing",
        403,
        "forbidden",
        None,
        token="province_administrator@50",
    ),
    reporting("rebuild without a reason", "POST /v1/rebuilds", 400, "too_short", "reason", {"reason": ""}),
    reporting("dead letter that is not there", "GET /v1/dead-letters/999999999", 404, "not_found", None),
    reporting("gap that is not there", "POST /v1/gaps/dismissals", 404, "not_found", None, GAP),
    reporting(
        "gap before the beginning", "POST /v1/gaps/dismissals", 400, "too_small", "previous", GAP | {"previous": -1}
    ),
    reporting(
        "differences behind no cursor of ours",
        "GET /v1/differences?cursor=x",
        400,
        "not_a_cursor",
        "cursor",
    ),
]


@dataclass(frozen=True)
class Senders:
    """Who sends: tokens as registration gives them out, and such as it never would."""

    issuer: str
    signing_keys: Path
    index_key: Path

    def token(self, name: str) -> str:
        """`role@area`, `expired role@area`, `forged role@area`, `citizen`, or text that is none."""
        if name == "citizen":
            return self._citizen()
        state, _, holder = name.rpartition(" ")
        if "@" not in holder:
            return name
        role, _, area = holder.partition("@")
        now = datetime.now(UTC) - (timedelta(hours=1) if state == "expired" else timedelta())
        signed = TokenSigner.from_file(self.signing_keys, issuer=self.issuer).sign(
            subject=UUID(int=1),
            organisation=None,
            role=Role(role),
            area=area,
            issued_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        if state != "forged":
            return signed
        head, claims, signature = signed.split(".")
        return ".".join((head, claims, signature[::-1]))

    def _citizen(self) -> str:
        now = datetime.now(UTC)
        subject = citizen_of(BlindIndex.from_file(self.index_key), PROVEN_PHONE)
        signer = TokenSigner.from_file(self.signing_keys, issuer=self.issuer)
        return sign_citizen(signer, subject, issued_at=now, expires_at=now + timedelta(minutes=15))


@pytest.fixture(scope="module")
def senders(stack: Stack) -> Senders:
    """Tokens for this stack."""
    return Senders(stack.addresses().registration, stack.secrets.signing_keys, stack.secrets.blind_index_key)


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks English."""
    async with httpx.AsyncClient(timeout=30, headers={"Accept-Language": "en"}) as client:
        yield client


Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def send(stack: Stack, senders: Senders, http: httpx.AsyncClient) -> Send:
    """Sends a request to a service of the stack."""

    async def send(
        service: ServiceName, route: str, body: Body = None, token: str | None = None, **headers: str
    ) -> httpx.Response:
        method, path = route.split(" ")
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        if token is not None:
            headers["Authorization"] = f"Bearer {senders.token(token)}"
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = getattr(stack.addresses(), service) + path
        return await http.request(method, url, content=content, headers=headers)

    return send


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.service}: {case.what}")
async def test_bad_input_is_refused_with_its_cause(case: Case, send: Send) -> None:
    answer = await send(case.service, case.route, case.body, case.token, **case.headers)
    problem = answer.json()
    if case.route in (TOKENS, f"{TOKENS}/revocation"):  # RFC 6749 has an error body of its own
        assert (answer.status_code, problem["error"]) == (case.status, case.code)
        return
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == problem["status"] == case.status, problem
    assert problem["title"].isascii()
    if case.path is None:
        assert problem["code"] == case.code
    else:
        found = {(error["path"], error["code"]): error["message"] for error in problem["errors"]}
        assert (case.path, case.code) in found
        assert found[case.path, case.code].isascii()
    if case.status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if case.code == "abolished_area":
        assert "502403" in answer.text  # the successor of 500201


def test_the_page_says_just_what_is_tested() -> None:
    """Every table row of docs/bad-input.md is a case, and every case is a row."""
    rows, service = set(), ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            service = line.removeprefix("## ").strip()
        cells = [cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if service in ("registration", "survey", "facilities", "reporting") and len(cells) == 4 and cells[2].isdigit():
            rows.add((service, cells[0], int(cells[2]), cells[3]))
    assert rows == {
        (
            case.service,
            case.what,
            case.status,
            f"{case.code} at {case.path}" if case.path else case.code,
        )
        for case in CASES
    }


async def test_a_large_body_is_refused_before_it_is_sent(stack: Stack) -> None:
    """The declared length is enough: nothing of the body has to travel."""

    async def refused(service: ServiceName, route: str, limit: int) -> None:
        address = httpx.URL(getattr(stack.addresses(), service))
        method, path = route.split(" ")
        reader, writer = await asyncio.open_connection(address.host, address.port)
        length = f"Content-Length: {limit + 1}"
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {address.host}\r\n{length}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        # The connection is closed behind the answer, after 5 s in which the body's rest might come.
        body = await reader.read()
        writer.close()
        assert head.startswith(b"HTTP/1.1 413 "), service
        assert json.loads(body)["code"] == "too_large", service

    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as all_four:
        all_four.create_task(refused("survey", BATCH, MAX_BODY_BYTES))
        all_four.create_task(refused("reporting", TABLE, MAX_BODY_BYTES))
        all_four.create_task(refused("facilities", ENTER, 64 * 1024))
        all_four.create_task(refused("registration", FOUND, 64 * 1024))


async def test_slow_clients_are_ended_and_others_served_meanwhile(stack: Stack, send: Send) -> None:
    """Heads that come byte by byte; tests/unit/web/test_connections.py has the other ways, with less patience."""
    address = httpx.URL(stack.addresses().survey)

    async def drip() -> bytes:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        telling = asyncio.create_task(reader.read(12))
        writer.write(b"POST /v1/submissions HTTP/1.1\r\nX: ")
        while not telling.done():
            writer.write(b"x")
            await asyncio.wait((telling,), timeout=0.5)
        writer.transport.abort()
        return telling.result()

    async with asyncio.timeout(DEADLINE_SECONDS):
        dripping = asyncio.gather(*(drip() for _ in range(300)))
        while not dripping.done():
            assert (await send("survey", SUBMIT, submission(), VOLUNTEER)).status_code == 202
            await asyncio.wait((dripping,), timeout=0.5)
    assert set(await dripping) == {b"HTTP/1.1 408"}


async def test_messages_are_thai_unless_english_is_asked_for(send: Send) -> None:
    bad = place(area="500201")
    thai = (await send("facilities", ENTER, bad, OFFICER, **{"Accept-Language": "th"})).json()
    english = (await send("facilities", ENTER, bad, OFFICER)).json()
    assert thai["errors"][0]["message"] == "รหัสพื้นที่ 500201 ถูกยกเลิกแล้ว ปัจจุบันใช้ 502403"
    assert english["errors"][0]["message"] == "The area 500201 was abolished; it is now 502403"


async def recorded(send: Send, submission_id: str, repeats: int = 0) -> dict[str, Any]:
    """What became of a submission, once it is recorded and so many repetitions are known."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        answer = await send("survey", f"GET /v1/submissions/{submission_id}", token=VOLUNTEER)
        fate: dict[str, Any] = answer.json()
        if fate["status"] != "not_known_yet" and len(fate["repeats"]) >= repeats:
            return fate
        assert time.monotonic() < deadline, fate
        await asyncio.sleep(0.1)


async def test_good_items_of_a_batch_pass_beside_bad_ones(send: Send) -> None:
    good, twice = submission(), submission()
    answer = await send(
        "survey",
        BATCH,
        {
            "submissions": [
                person(age=-1),
                good,
                submission(captured_at="2999-01-01T00:00:00Z"),
                twice,
                twice | {"persons": []},
            ]
        },
        VOLUNTEER,
    )
    results = answer.json()["results"]
    assert answer.status_code == 207
    assert [result["status"] for result in results] == [400, 202, 400, 202, 409]
    assert [error["code"] for result in results for error in result["errors"]] == [
        "out_of_range",
        "in_the_future",
        "id_used_twice",
    ]
    assert (await recorded(send, good["submission_id"]))["status"] in ("recorded", "superseded")


async def test_an_id_that_comes_again(send: Send) -> None:
    sent = submission()
    assert (await send("survey", SUBMIT, sent, VOLUNTEER)).status_code == 202
    await recorded(send, sent["submission_id"])
    assert (await send("survey", SUBMIT, sent, VOLUNTEER)).status_code == 202
    assert (await send("survey", SUBMIT, sent | {"persons": []}, VOLUNTEER)).status_code == 202
    fate = await recorded(send, sent["submission_id"], repeats=2)
    assert [repeat["status"] for repeat in fate["repeats"]] == ["duplicate", "rejected"]

    body = place(facility_id=str(uuid4()))
    assert (await send("facilities", ENTER, body, OFFICER)).status_code == 201
    assert (await send("facilities", ENTER, body, OFFICER)).status_code == 200
    other = await send("facilities", ENTER, body | {"free": 1}, OFFICER)
    assert (other.status_code, other.json()["code"]) == (409, "facility_id_taken")


async def test_a_wrong_check_digit_is_taken_as_the_card_shows_it(send: Send) -> None:
    """Refused first, so that a misprint is found at the door; sent again with the word for it, accepted and flagged."""
    sent = person(national_id="1101700230704")
    assert (await send("survey", SUBMIT, sent, VOLUNTEER)).status_code == 400
    sent["persons"][0]["national_id_as_shown"] = True
    assert (await send("survey", SUBMIT, sent, VOLUNTEER)).status_code == 202
    fate = await recorded(send, sent["submission_id"])
    assert [flag["code"] for flag in fate["flags"]] == ["check_digit"]


async def test_thai_digits_are_accepted(send: Send) -> None:
    thai = submission(
        address={"area": "๕๐๐๑๐๑", "house": "๙๙/๑"},
        contact={"phone": "๐๘๑๒๓๔๕๖๗๘"},
        persons=[{"national_id": "๑๑๐๑๗๐๐๒๓๐๗๐๘"}],
    )
    assert (await send("survey", SUBMIT, thai, VOLUNTEER)).status_code == 202
    assert (await recorded(send, thai["submission_id"]))["status"] in ("recorded", "superseded")
    entered = await send("facilities", ENTER, place(area="๕๐๐๑๐๑", official_code="๑๐๗๑๓"), OFFICER)
    assert (entered.status_code, entered.json()["area"], entered.json()["official_code"]) == (201, "500101", "10713")
    founded = await send("registration", FOUND, organisation(area="๕๐"), "central_administrator@")
    assert (founded.status_code, founded.json()["area"]) == (201, "50")
    figures = await send("reporting", FIGURES + "?area=๕๐")
    assert (figures.status_code, figures.json()["area"]) == (200, "50")


# The relay gives its next event the number behind this one.
NUMBER_ONE_MORE: Final = """
INSERT INTO outbox_position AS p (topic, partition, last_sequence) VALUES ($1, $2, 1)
ON CONFLICT (topic, partition) DO UPDATE SET last_sequence = p.last_sequence + 1
RETURNING old.last_sequence
"""


def key_in(partition: int) -> UUID:
    """An id whose records go to that partition."""
    return next(key for key in iter(uuid4, None) if FACILITY_UPDATED.partition_of(str(key)) == partition)


class Streams:
    """The stack's topics and the consumers' positions in them, as an operator sees them."""

    def __init__(
        self, runtime: Runtime, producer: AIOKafkaProducer, pools: dict[str, "asyncpg.Pool[asyncpg.Record]"]
    ) -> None:
        self.runtime = runtime
        self._producer = producer
        self.pools = pools

    async def produce(self, topic: Topic, partition: int, value: bytes | None, headers: dict[str, bytes]) -> int:
        """Puts a record into the topic, past every service; gives its offset."""
        sent = await self._producer.send_and_wait(
            topic.name, value, key=b"poison", partition=partition, headers=list(headers.items())
        )
        offset: int = sent.offset
        return offset

    async def dead_letter(self, consumer: str, topic: Topic, partition: int, offset: int) -> asyncpg.Record:
        """The dead letter of a record, as soon as it is there and the position has moved past it; it is removed."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            row = await self.pools[consumer].fetchrow(
                """
                DELETE FROM dead_letter USING consumer_position AS p
                WHERE p.topic = dead_letter.topic AND p.partition = dead_letter.partition AND p.next_offset > "offset"
                  AND dead_letter.topic = $1 AND dead_letter.partition = $2 AND "offset" = $3
                RETURNING dead_letter.cause, dead_letter.sequence, dead_letter.value, p.last_sequence
                """,
                topic.name,
                partition,
                offset,
            )
            if row is not None:
                return row
            assert time.monotonic() < deadline, f"no dead letter for {topic.name} {partition} {offset}"
            await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def streams(stack: Stack) -> AsyncIterator[Streams]:
    """Access to Kafka as its administrator and to the consumers' databases."""
    runtime = Runtime(stack)
    producer = AIOKafkaProducer(**runtime.kafka_settings("admin").for_aiokafka(), acks="all")
    await producer.start()
    pools = {
        name: await open_pool(runtime.postgres_settings(name, name), application="test", max_size=2)
        for name in ("survey", "reporting", "facilities")
    }
    yield Streams(runtime, producer, pools)
    await producer.stop()
    for pool in pools.values():
        pool.terminate()


@pytest.mark.parametrize(
    ("topic", "consumer", "cause"),
    [
        (VOLUNTEER_REGISTERED, "reporting", "no_sequence"),
        (SURVEY_SUBMITTED, "reporting", "no_sequence"),
        (FACILITY_UPDATED, "reporting", "no_sequence"),
        (FURTHER_FACILITY_UPDATED, "reporting", "no_sequence"),
        (SURVEY_INTAKE, "survey", "unreadable_body"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.parametrize(
    "value", [b"\xff\x00 foreign matter", b"{}", b"", None], ids=["bytes", "json", "empty", "null"]
)
async def test_a_poison_record_becomes_a_dead_letter(
    streams: Streams, topic: Topic, consumer: str, cause: str, value: bytes | None
) -> None:
    offset = await streams.produce(topic, 5, value, {"ce_id": b"\xff", "unknown": b"\xfe"})
    row = await streams.dead_letter(consumer, topic, 5, offset)
    assert (row["cause"], row["value"]) == (cause, value)


async def test_the_stream_goes_on_behind_foreign_matter(streams: Streams, send: Send) -> None:
    await streams.produce(FACILITY_UPDATED, 7, b"foreign", {})
    body = place(facility_id=str(key_in(7)), area="960101")
    assert (await send("facilities", ENTER, body, "place_officer@96")).status_code == 201
    await shown(send, body["facility_id"], "960101")


@pytest.mark.parametrize(
    ("cause", "event_type", "value"),
    [
        ("unknown_type", "care.jitasa.another.v1", b"{}"),
        ("no_body", FACILITY_UPDATED.event_type, None),
        ("unreadable_body", FACILITY_UPDATED.event_type, b'{"facility_id": 7}'),
    ],
)
async def test_a_damaged_event_takes_its_place_in_the_chain(
    streams: Streams, send: Send, cause: str, event_type: str, value: bytes | None
) -> None:
    """An event that the relay had numbered and that broke on its way: what follows it names it as `previous`."""
    partition = 11
    former = await streams.pools["facilities"].fetchval(NUMBER_ONE_MORE, FACILITY_UPDATED.name, partition)
    sequence = (former or 0) + 1
    headers = {
        "ce_type": event_type.encode(),
        "ce_sequence": b"%020d" % sequence,
        "ce_previous": b"-" if former is None else b"%020d" % former,
    }
    offset = await streams.produce(FACILITY_UPDATED, partition, value, headers)
    row = await streams.dead_letter("reporting", FACILITY_UPDATED, partition, offset)
    assert (row["cause"], row["sequence"], row["last_sequence"]) == (cause, sequence, sequence)

    body = place(facility_id=str(key_in(partition)), area="960102")
    assert (await send("facilities", ENTER, body, "place_officer@96")).status_code == 201
    await shown(send, body["facility_id"], "960102")


async def shown(send: Send, facility_id: str, area: str) -> None:
    """Waits until reporting shows a place."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        places = (await send("reporting", f"GET /v1/places?area={area}&limit=2000")).json()["items"]
        if facility_id in {one["facility_id"] for one in places}:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_submission_is_recorded_behind_foreign_matter(streams: Streams, send: Send) -> None:
    for partition in range(SURVEY_INTAKE.partitions):
        offset = await streams.produce(SURVEY_INTAKE, partition, b"foreign", {})
    sent = submission()
    assert (await send("survey", SUBMIT, sent, VOLUNTEER)).status_code == 202
    assert (await recorded(send, sent["submission_id"]))["status"] in ("recorded", "superseded")
    await streams.dead_letter("survey", SURVEY_INTAKE, SURVEY_INTAKE.partitions - 1, offset)
