"""Surveys of households: by name, what the record is about and the event."""

from datetime import timedelta

from pydantic import BaseModel

from shared.contracts.events import HouseholdCounts, SubmissionKind, SubmissionOutcome, SurveySubmitted
from shared.contracts.golden.identity import START, id_of


def _counts(persons: tuple[int, int, int, int], **others: int | dict[str, int]) -> HouseholdCounts:
    zero, one, two, three = persons
    values: dict[str, object] = {"wanting": 0, "wanting_608": 0, "undecided": 0, "refusing": 0, "home_visit": 0}
    values |= {"persons": sum(persons), "dose_0": zero, "dose_1": one, "dose_2": two, "dose_3": three, "reasons": {}}
    return HouseholdCounts.model_validate(values | others)


def surveys() -> dict[str, tuple[str, BaseModel]]:
    """In the order in which they happened."""
    told: dict[str, tuple[str, BaseModel]] = {}

    def survey(
        name: str,
        about: str,
        household: str,
        kind: SubmissionKind,
        revision: int,
        before: HouseholdCounts | None,
        after: HouseholdCounts | None,
        *,
        outcome: SubmissionOutcome = SubmissionOutcome.RECORDED,
        area: str = "500101",
        flags: tuple[str, ...] = (),
    ) -> None:
        erasure = kind is SubmissionKind.ERASURE
        event = SurveySubmitted(
            submission_id=id_of(f"submission {name}"),
            household_id=id_of(f"household {household}"),
            volunteer_id=None if erasure else id_of("volunteer of Si Phum"),
            organisation_id=None if erasure else id_of("health volunteers of Mueang Chiang Mai"),
            area=area,
            captured_at=START + timedelta(days=revision),
            recorded_at=START + timedelta(days=revision, seconds=2, microseconds=417_000),
            kind=kind,
            outcome=outcome,
            revision=revision,
            before=before,
            after=after,
            flags=flags,
        )
        told[name] = (about, event)

    first = _counts((1, 0, 1, 1), wanting=1, wanting_608=1, home_visit=1, reasons={"hard_to_reach": 1})
    second = _counts((1, 0, 1, 2), undecided=1, reasons={"side_effects": 1, "not_bother_family": 1})
    third = _counts((0, 1, 1, 2))
    elsewhere = _counts((2, 0, 0, 0), refusing=2, reasons={"a_reason_yet_unknown": 2})
    nobody = _counts((0, 0, 0, 0))
    odd = ("a_flag_yet_unknown", "position_elsewhere")
    visit, follow_up, erasure = SubmissionKind.SURVEY, SubmissionKind.FOLLOW_UP, SubmissionKind.ERASURE

    survey("first", "a household seen for the first time; nothing before", "A", visit, 1, None, first)
    survey("again", "the same household visited again, a person more", "A", visit, 2, first, second)
    late = "captured earlier than what stands, so nothing changes"
    survey("superseded", late, "A", visit, 2, second, second, outcome=SubmissionOutcome.SUPERSEDED)
    survey("follow-up", "the vaccine was brought to the house", "A", follow_up, 3, second, third)
    survey("erasure", "erased at the household's wish; nothing after", "A", erasure, 4, third, None)
    survey("after-erasure", "surveyed anew after an erasure; nothing before", "A", visit, 5, None, first)
    bangkok = "a khwaeng of Bangkok; with a reason that the list does not name"
    survey("bangkok", bangkok, "B", visit, 1, None, elsewhere, area="100101")
    empty = "a house that stands empty: counted as surveyed, nobody in it"
    survey("empty", empty, "C", visit, 1, None, nobody, area="100101")
    flagged = "odd in two ways, and counted all the same; with a flag that the list does not name"
    survey("flagged", flagged, "D", visit, 1, None, first, flags=odd)
    return told
