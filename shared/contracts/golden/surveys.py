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

    def survey(
        name: str,
        household: str,
        kind: SubmissionKind,
        outcome: SubmissionOutcome,
        revision: int,
        before: HouseholdCounts | None,
        after: HouseholdCounts | None,
        area: str = "500101",
        flags: tuple[str, ...] = (),
    ) -> BaseModel:
        erasure = kind is SubmissionKind.ERASURE
        return SurveySubmitted(
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

    first = _counts((1, 0, 1, 1), wanting=1, wanting_608=1, home_visit=1, reasons={"hard_to_reach": 1})
    second = _counts((1, 0, 1, 2), undecided=1, reasons={"side_effects": 1, "not_bother_family": 1})
    third = _counts((0, 1, 1, 2))
    visit, follow_up, erasure = SubmissionKind.SURVEY, SubmissionKind.FOLLOW_UP, SubmissionKind.ERASURE
    recorded, superseded = SubmissionOutcome.RECORDED, SubmissionOutcome.SUPERSEDED
    return {
        "first": (
            "a household seen for the first time; nothing before",
            survey("first", "A", visit, recorded, 1, None, first),
        ),
        "again": (
            "the same household visited again, a person more",
            survey("again", "A", visit, recorded, 2, first, second),
        ),
        "superseded": (
            "captured earlier than what stands, so nothing changes",
            survey("superseded", "A", visit, superseded, 2, second, second),
        ),
        "follow-up": (
            "the vaccine was brought to the house",
            survey("follow-up", "A", follow_up, recorded, 3, second, third),
        ),
        "erasure": (
            "erased at the household's wish; nothing after",
            survey("erasure", "A", erasure, recorded, 4, third, None),
        ),
        "after-erasure": (
            "surveyed anew after an erasure; nothing before",
            survey("after-erasure", "A", visit, recorded, 5, None, first),
        ),
        "bangkok": (
            "a khwaeng of Bangkok; with a reason that the list does not name",
            survey(
                "bangkok",
                "B",
                visit,
                recorded,
                1,
                None,
                _counts((2, 0, 0, 0), refusing=2, reasons={"a_reason_yet_unknown": 2}),
                "100101",
            ),
        ),
        "empty": (
            "a house that stands empty: counted as surveyed, nobody in it",
            survey("empty", "C", visit, recorded, 1, None, _counts((0, 0, 0, 0)), "100101"),
        ),
        "flagged": (
            "odd in two ways, and counted all the same; with a flag that the list does not name",
            survey("flagged", "D", visit, recorded, 1, None, first, flags=("a_flag_yet_unknown", "position_elsewhere")),
        ),
    }
