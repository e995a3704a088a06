"""Whom a survey names as to reach: who wants vaccine and has had fewer doses than lack nothing by the day's rule."""

from datetime import UTC, timedelta
from typing import Final
from uuid import UUID

from services.survey.domain import at_risk
from services.survey.reach.doses import rule_on
from services.survey.reach.priorities import priorities_on
from services.survey.reach.tokens import tokens_of
from services.survey.records import ReachPerson
from services.survey.submission import Person, Submission, age_of, registered_area_of
from shared.security.blind_index import BlindIndex
from shared.security.identifiers import InvalidIdentifier, national_id
from shared.security.keyed_ids import HouseholdIds

_BANGKOK: Final = timedelta(hours=7)  # Thailand has had no daylight saving since 1941


def persons_to_reach(
    submission: Submission, household_id: UUID, household_ids: HouseholdIds, blind_index: BlindIndex
) -> tuple[ReachPerson, ...]:
    """The persons to reach of a submission that `services.survey.submission.check` found good, in its order.

    A person's id is made from the national id, else from household and name, else from household and place, so that it
    stays the same from visit to visit. Two of one household who would share an id are told apart by their places.
    """
    found: dict[UUID, ReachPerson] = {}
    for place, person in enumerate(submission.persons):
        if person.wants_vaccine != "yes":
            continue  # nearly everybody
        day = (submission.captured_at.astimezone(UTC) + _BANGKOK).date()
        highest = max((dose.number for dose in person.doses), default=0)
        if highest >= rule_on(day).needed(dose.vaccine for dose in person.doses):
            continue
        person_id = _id_of(person, household_id, place, household_ids)
        if person_id in found:
            person_id = household_ids.of_place(household_id, place)
        risk = at_risk(person, submission.captured_at)
        age = age_of(person, submission.captured_at)
        contact = submission.contact
        found[person_id] = ReachPerson(
            person_id=person_id,
            place=place,
            rank=priorities_on(day).rank_of(home_visit=person.home_visit, at_risk=risk, age=age),
            dose=min(highest, 3),
            at_risk=risk,
            home_visit=person.home_visit,
            reasons=tuple(sorted({reason.value for reason in person.reasons})),
            registered_area=registered_area_of(person),
            tokens=tokens_of(blind_index, person.name, contact.phone if contact else None),
        )
    return tuple(found.values())


def _id_of(person: Person, household_id: UUID, place: int, household_ids: HouseholdIds) -> UUID:
    if person.national_id:
        try:
            return household_ids.of_national_id(national_id(person.national_id))
        except InvalidIdentifier:
            pass  # a wrong check digit, as the card shows it: one misprint would make one person of many
    if person.name:
        return household_ids.of_name(household_id, person.name)
    return household_ids.of_place(household_id, place)
