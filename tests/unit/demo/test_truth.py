"""The truth, held to a slow and simple re-implementation of its rules."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.plan import Submission
from deploy.demo.truth import Figures, Truth, added, count, rolled_up, tally

START = datetime(2022, 1, 1, tzinfo=UTC)
AREAS = ("500101", "500102", "500201", "100101")

persons = st.fixed_dictionaries(
    {
        "age": st.integers(0, 99),
        "doses": st.lists(st.integers(1, 5), max_size=4, unique=True).map(lambda ns: [{"number": n} for n in ns]),
        "risks": st.lists(st.sampled_from(["diabetes", "pregnancy_12_weeks"]), max_size=2, unique=True),
        "wants_vaccine": st.sampled_from(["yes", "undecided", "no", None]),
        "reasons": st.lists(st.sampled_from(["cost", "allergy"]), max_size=2, unique=True),
        "home_visit": st.booleans(),
    }
)
visits = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 9), st.lists(persons, max_size=3)), max_size=25
)


def submission(house: int, hour: int, number: int, people: list[dict[str, Any]]) -> Submission:
    body = {"address": {"area": AREAS[house % len(AREAS)]}, "persons": people}
    return Submission(f"{number:04d}", house, START + timedelta(hours=hour), msgspec.json.encode(body))


@given(visits)
def test_the_truth_is_what_a_simple_count_says(found: list[tuple[int, int, int, list[dict[str, Any]]]]) -> None:
    accepted: list[Submission] = []
    for house, hour, number, people in found:
        # An id belongs to one house and one content for ever.
        one = submission(house, hour, 10 * house + number, people)
        known = [other for other in accepted if other.submission_id == one.submission_id]
        accepted.append(known[0] if known else one)

    truth = Truth()
    for one in accepted:
        truth.accept(one)

    assert rolled_up(truth.figures) == slowly(accepted)


def slowly(accepted: list[Submission]) -> dict[str, Figures]:
    """For each area and figure, look through everything again."""
    once = [one for place, one in enumerate(accepted) if one not in accepted[:place]]
    expected: dict[str, Figures] = {}
    for place, one in enumerate(once):
        before = [other for other in once[:place] if other.household == one.household]
        later = [other for other in once if other.household == one.household and when(other) > when(one)]
        figures: Figures = Counter(submissions=1)
        figures["superseded"] = int(any(when(other) > when(one) for other in before))
        figures["revisits"] = int(bool(before)) - figures["superseded"]
        if not later:
            figures["households"] = 1
            for person in msgspec.json.decode(one.body)["persons"]:
                figures += by_hand(person)
        code = msgspec.json.decode(one.body)["address"]["area"]
        for prefix in ("", code[:2], code[:4], code):
            expected[prefix] = expected.get(prefix, Counter()) + figures
    return expected


def when(one: Submission) -> tuple[datetime, str]:
    return one.captured_at, one.submission_id


def by_hand(person: dict[str, Any]) -> Figures:
    figures: Figures = Counter(persons=1)
    highest = max([0, *(dose["number"] for dose in person["doses"])])
    figures["dose_3" if highest >= 3 else f"dose_{highest}"] += 1
    figures["wanting"] = int(person["wants_vaccine"] == "yes")
    figures["wanting_608"] = int(person["wants_vaccine"] == "yes" and (person["age"] >= 60 or bool(person["risks"])))
    figures["undecided"] = int(person["wants_vaccine"] == "undecided")
    figures["refusing"] = int(person["wants_vaccine"] == "no")
    figures["home_visit"] = int(person["home_visit"])
    return figures + Counter(f"reasons.{reason}" for reason in person["reasons"])


def test_outcomes_and_repetitions() -> None:
    truth = Truth()
    first, older, tied = submission(0, 5, 1, []), submission(0, 3, 2, []), submission(0, 5, 0, [])
    for one in (first, older, first, tied):
        truth.accept(one)
    assert truth.outcomes == {"0001": "recorded", "0002": "superseded", "0000": "superseded"}
    assert truth.repeated == 1


def test_the_larger_id_stands_at_the_same_moment() -> None:
    truth = Truth()
    truth.accept(submission(0, 5, 1, []))
    truth.accept(submission(0, 5, 2, [{"age": 70, "wants_vaccine": "yes"}]))
    assert truth.outcomes["0002"] == "recorded"
    assert truth.figures[AREAS[0]]["wanting_608"] == 1


def test_a_household_counts_one_and_its_reasons_by_person() -> None:
    body = msgspec.json.encode(
        {"address": {"area": "500101"}, "persons": [{"age": 3, "reasons": ["cost"]}, {"age": 4, "reasons": ["cost"]}]}
    )
    assert count(body)["households"] == 1
    assert count(body)["reasons.cost"] == 2


def test_adding_and_tallying() -> None:
    assert tally([("10", "a"), ("10", "a"), ("", "b")]) == {"10": {"a": 2}, "": {"b": 1}}
    assert added({"10": Counter(a=1)}, {"10": Counter(a=2), "11": Counter(b=1)}) == {"10": {"a": 3}, "11": {"b": 1}}
