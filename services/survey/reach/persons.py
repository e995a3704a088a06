"""Whom a survey names as to reach: who wants vaccine and has had fewer doses than lack nothing by the day's rule."""

from datetime import UTC, timedelta
from typing import Final
from uuid import UUID

from services.survey.domain import at_risk
from services.survey.reach.doses import rule_on
from services.survey.reach.priorities import rank_on
from services.survey.reach.tokens import name_tokens, phone_token
from services.survey.records import ReachPerson
from services.survey.submission import Submission, age_of, registered_area_of
from shared.security.blind_index import BlindIndex
from shared.security.identifiers import InvalidIdentifier, national_id
from shared.security.keyed_ids import HouseholdIds
from shared.security.spelling import words_of

_BANGKOK: Final = timedelta(hours=7)  # Thailand has had no daylight saving since 1941


def persons_to_reach(
    submission: Submission, household_id: UUID, household_ids: HouseholdIds, blind_index: BlindIndex
) -> tuple[ReachPerson, ...]:
    """The persons to reach of a submission that `services.survey.submission.check` found good, in its order.

    A person's id is made from the national id, else from household and name, else from household and place, so that it
    stays the same from visit to visit. Two of one household who would share an id are told apart by their places.
    """
    found: dict[UUID, ReachPerson] = {}
    captured_at, phone = submission.captured_at, None
    for place, person in enumerate(submission.persons):
        if person.wants_vaccine != "yes":
            continue  # most people
        if not found:
            day = (captured_at.astimezone(UTC) + _BANGKOK).date()
            phone = _phone_of(submission, blind_index)
        doses = person.doses
        highest = max([dose.number for dose in doses]) if doses else 0
        if highest >= rule_on(day).needed([dose.vaccine for dose in doses]):
            continue
        words = words_of(person.name) if person.name else []
        person_id = _id_of(person.national_id, words, household_id, place, household_ids)
        if person_id in found:
            person_id = household_ids.of_place(household_id, place)
        risk = at_risk(person, captured_at)
        reasons, tokens = person.reasons, name_tokens(blind_index, words)
        if phone is not None:
            tokens.append(phone)
        found[person_id] = ReachPerson(
            person_id=person_id,
            place=place,
            rank=rank_on(day, person.home_visit, risk, age_of(person, captured_at)),
            dose=min(highest, 3),
            at_risk=risk,
            home_visit=person.home_visit,
            reasons=tuple(sorted({reason.value for reason in reasons})) if reasons else (),
            registered_area=registered_area_of(person),
            tokens=tuple(tokens),
        )
    return tuple(found.values())


def _phone_of(submission: Submission, blind_index: BlindIndex) -> int | None:
    contact = submission.contact
    return phone_token(blind_index, contact.phone) if contact is not None and contact.phone else None


def _id_of(number: str | None, words: list[str], household_id: UUID, place: int, household_ids: HouseholdIds) -> UUID:
    if number:
        try:
            return household_ids.of_national_id(national_id(number))
        except InvalidIdentifier:
            pass  # a wrong check digit, as the card shows it: one misprint would make one person of many
    return household_ids.of_name(household_id, words) if words else household_ids.of_place(household_id, place)
