"""The order in which persons are reached and what counts as complete, explained, with the dates from which it holds."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.reach.doses import RULES
from services.survey.reach.priorities import PRIORITIES, WITHIN_A_RANK
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.problems import language_of

router = APIRouter(prefix="/v1/need-to-reach")
_BANGKOK: Final = timedelta(hours=7)  # Thailand has had no daylight saving since 1941


class Rank(BaseModel):
    """The persons of one rank, 0 first, in the reader's language and by their conditions; a null asks nothing."""

    rank: int
    meaning: str
    home_visit: bool
    at_risk: bool
    least_age: int | None


class Order(BaseModel):
    """The ranks that hold from a day on; `now` says whether they do today."""

    since: date
    now: bool
    ranks: list[Rank]
    within_a_rank: str


class Complete(BaseModel):
    """How many doses lack nothing from a day on; by_vaccine: for somebody who had one of these, by CVX code."""

    since: date
    now: bool
    doses: int
    by_vaccine: dict[str, int]
    meaning: str


class Explanation(BaseModel):
    """Who is to be reached, and who first; the latest first."""

    priorities: list[Order]
    complete: list[Complete]


@router.get("/priorities")
async def explain(request: Request, _: Annotated[Principal, Depends(require(Right.REACH_READ))]) -> Explanation:
    """In which order persons are reached, by day from which it holds, and how many doses lack nothing.

    A person is to reach who wants vaccine and has had fewer doses than that by the rule of the day of the visit, and
    has the rank of that day.
    """
    language = language_of(request.headers.get("accept-language"))
    today = (datetime.now(UTC) + _BANGKOK).date()
    holding = max((one.since for one in PRIORITIES if one.since <= today), default=PRIORITIES[0].since)
    ruling = max((rule.since for rule in RULES if rule.since <= today), default=RULES[0].since)
    return Explanation(
        priorities=[
            Order(
                since=one.since,
                now=one.since == holding,
                ranks=[
                    Rank(
                        rank=rank,
                        meaning=group.meaning.in_language(language),
                        home_visit=group.home_visit,
                        at_risk=group.at_risk,
                        least_age=group.least_age,
                    )
                    for rank, group in enumerate(one.groups)
                ],
                within_a_rank=WITHIN_A_RANK.in_language(language),
            )
            for one in reversed(PRIORITIES)
        ],
        complete=[
            Complete(
                since=rule.since,
                now=rule.since == ruling,
                doses=rule.doses,
                by_vaccine=dict(rule.by_vaccine),
                meaning=rule.meaning.in_language(language),
            )
            for rule in reversed(RULES)
        ],
    )
