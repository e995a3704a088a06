"""Made-up people: whom a household consists of and what each says about vaccines."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from deploy.demo.names import family_name, person_name
from deploy.demo.plan import Json
from shared.contracts.events import Reason

CHRONIC_DISEASES: Final = (
    "chronic_respiratory",
    "cardiovascular",
    "chronic_kidney_failure",
    "stroke",
    "obesity",
    "cancer",
    "diabetes",
)
OLD_AGE: Final = 60
VACCINES: Final = ("511", "210", "510", "208", "207", "213")
CHILD_VACCINE: Final = "218"
_REASONS: Final = tuple(str(reason) for reason in Reason if reason is not Reason.PREGNANT)
_SIZES: Final = (1, 2, 3, 4, 5, 6, 8)
_SIZE_WEIGHTS: Final = (14, 22, 24, 20, 11, 7, 2)


@dataclass(frozen=True, slots=True)
class Household:
    """Who lives at a house."""

    family: str
    phone: str | None
    persons: tuple[Json, ...]


def national_id(random: Random) -> str:
    """Thirteen digits with the right check digit; they belong to nobody that we know of."""
    return with_check_digit(f"{random.randint(1, 8)}{random.randrange(10**11):011d}")


def misprinted(random: Random) -> str:
    """Thirteen digits with a wrong check digit."""
    right = national_id(random)
    return f"{right[:12]}{(int(right[12]) + random.randint(1, 9)) % 10}"


def with_check_digit(twelve: str) -> str:
    """Append the thirteenth digit of a national id."""
    return f"{twelve}{(11 - sum(int(digit) * (13 - place) for place, digit in enumerate(twelve)) % 11) % 10}"


def household(random: Random, vaccinated: float, day: date) -> Household:
    """Make up a household as it is on a day, where the share `vaccinated` of adults has had at least one dose."""
    family = family_name(random)
    size = random.choices(_SIZES, _SIZE_WEIGHTS)[0]
    phone = f"09{random.randrange(10**8):08d}" if random.random() < 0.7 else None
    return Household(family, phone, tuple(_person(random, vaccinated, day, family, place) for place in range(size)))


def after_another_dose(random: Random, household: Household, day: date) -> Household:
    """The same household some days later: some have had a dose, some have made up their minds."""
    persons = []
    for person in household.persons:
        doses = person["doses"]
        assert isinstance(doses, list)  # noqa: S101 - narrows the type of what `_person` wrote
        if person["wants_vaccine"] == "yes" and random.random() < 0.6:
            person = person | {"doses": [*doses, _dose(random, len(doses) + 1, day, _years(person))]}
        if person["wants_vaccine"] == "undecided" and random.random() < 0.4:
            person = person | {"wants_vaccine": "yes"}
        persons.append(person)
    return Household(household.family, household.phone, tuple(persons))


def _years(person: Json) -> int:
    age = person["age"]
    assert isinstance(age, int)  # noqa: S101 - narrows the type of what `_person` wrote
    return age


def _person(random: Random, vaccinated: float, day: date, family: str, place: int) -> Json:
    age = random.randint(20, 88) if place < 2 else random.randint(0, 75)
    sex = "f" if random.random() < 0.51 else "m"
    doses = _doses(random, vaccinated, day, age)
    risks = _risks(random, age, sex)
    wants, reasons = _opinion(random, len(doses), "pregnancy_12_weeks" in risks)
    return {
        "name": person_name(random, sex, age, family),
        "national_id": national_id(random) if random.random() < 0.2 else None,
        "age": age,
        "sex": sex,
        "doses": doses,
        "risks": risks,
        "wants_vaccine": wants,
        "reasons": reasons,
        "home_visit": random.random() < (0.08 if age >= 75 else 0.006),
    }


def _doses(random: Random, vaccinated: float, day: date, age: int) -> list[Json]:
    if age < 5 or random.random() > (vaccinated if age >= 12 else vaccinated * 0.4):
        return []
    number = random.choices((1, 2, 3, 4), (12, 50, 34, 4) if age >= 18 else (35, 60, 5, 0))[0]
    last = day - timedelta(days=random.randint(3, 90))
    return [_dose(random, dose, last - timedelta(days=75 * (number - dose)), age) for dose in range(1, number + 1)]


def _dose(random: Random, number: int, day: date, age: int) -> Json:
    if random.random() < 0.15:  # the card is lost: that there was a dose is all that is known
        return {"number": number}
    return {
        "number": number,
        "date": day.isoformat(),
        "vaccine": CHILD_VACCINE if age < 12 else random.choice(VACCINES),
    }


def _risks(random: Random, age: int, sex: str) -> list[str]:
    risks = ["age_60"] if age >= OLD_AGE else []
    if random.random() < (0.35 if age >= OLD_AGE else 0.05):
        risks.append(random.choice(CHRONIC_DISEASES))
    if sex == "f" and 18 <= age <= 42 and random.random() < 0.02:
        risks.append("pregnancy_12_weeks")
    return risks


def _opinion(random: Random, doses: int, pregnant: bool) -> tuple[str, list[str]]:
    weights = ((45, 30, 25), (70, 20, 10), (50, 25, 25), (12, 18, 70))[min(doses, 3)]
    wants = random.choices(("yes", "undecided", "no"), weights)[0]
    if doses >= 2 or (wants == "yes" and random.random() < 0.6):
        return wants, []
    reasons = [str(Reason.PREGNANT)] if pregnant else []
    reasons += random.sample(_REASONS, random.choices((1, 2), (8, 2))[0])
    return wants, reasons
