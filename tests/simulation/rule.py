"""The rule by which a household stands, said once more and in another way than the product does: from all records at
once."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from services.survey.records import IntakeRecord

FIGURES = (
    "persons",
    "dose_0",
    "dose_1",
    "dose_2",
    "dose_3",
    "wanting",
    "wanting_608",
    "undecided",
    "refusing",
    "home_visit",
)


def standing(records: Sequence[IntakeRecord]) -> Any:
    """What the records of one household make it: the visit that stands, the figures, persons by reason, and for each
    person to reach status, dose, due time, place and since when. None: nothing stands."""
    erased_at = max((one.captured_at for one in records if one.kind == "erasure"), default=None)
    told = [one for one in records if erased_at is None or one.captured_at > erased_at]
    told.sort(key=lambda one: (one.captured_at, one.submission_id))
    surveys = [one for one in told if one.kind == "survey"]
    if not surveys:
        return None
    latest = surveys[-1]
    assert latest.counts is not None
    figures = Counter({name: getattr(latest.counts, name) for name in FIGURES})
    reasons = Counter(latest.counts.reasons)
    persons = {}
    for person in latest.reach:
        status, dose, due, place = "open", person.dose, None, None
        for one in told:
            fact = one.follow_up
            if fact is None or fact.person_id != person.person_id:
                continue
            if (one.captured_at, one.submission_id) < (latest.captured_at, latest.submission_id):
                continue
            match fact.outcome:
                case "no_answer":
                    due = fact.due_at or due
                    continue
                case "appointment":
                    status = "appointed"
                case "reopened":
                    status = "open"
                case other:
                    status = other
            due, place = fact.due_at, fact.facility_id
            if status == "vaccinated":
                dose = min(3, max(dose, fact.dose or dose + 1))
        figures[f"dose_{person.dose}"] -= 1
        if status in ("moved", "died"):
            figures["persons"] -= 1
            figures["home_visit"] -= person.home_visit
        else:
            figures[f"dose_{dose}"] += 1
        if status not in ("open", "appointed", "not_found"):
            figures["wanting"] -= 1
            figures["wanting_608"] -= person.at_risk
        figures["refusing"] += status == "changed_mind"
        if dose != person.dose or status in ("vaccinated", "moved", "died"):
            reasons -= Counter(person.reasons)
        since = min(one.captured_at for one in surveys if person.person_id in {p.person_id for p in one.reach})
        persons[person.person_id] = (status, dose, due, place, since)
    return (latest.captured_at, latest.submission_id), dict(figures), dict(reasons), persons
