"""The visits of a campaign: households, what each phone sends and when, and what is wrong with the bad ones.

Everything about one house happens in order: the first visit in the first wave, what comes after it in the second or
third. A wave is sent only after the one before it was answered, and one house's records share a partition, so the
order in which they are recorded is known, and with it how many are superseded.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Final
from uuid import UUID

import msgspec

from deploy.demo import people
from deploy.demo.plan import Batch, Json, Refusal, Submission, Wave
from deploy.demo.positions import position_near
from shared.contracts.events import QualityFlag

BANGKOK: Final = timezone(timedelta(hours=7))
DAYS: Final = 30
BATCH: Final = 50
"""As many records as a phone sends at once."""
SINGLE_SHARE: Final = 0.02

# What comes after the first visit, as shares of all households.
REVISITED: Final = 0.06  # by another volunteer, later: recorded
CORRECTED: Final = 0.03  # by the same volunteer, later: recorded
LATE: Final = 0.03  # from a phone that was long offline, older: superseded
TIED: Final = 0.004  # at the same moment as the first: the larger id stands
RESENT: Final = 0.05  # the answer was lost, so the phone sends the same again: counts once
TWICE_IN_A_BATCH: Final = 0.004
BAD: Final = 0.012
ODD: Final = 0.1
"""Of all rounds: they come upon something that is recorded and flagged."""

_FAR_DEGREES: Final = 2.0  # 220 km: out of every district, and no two minutes' way
_REMEMBERED_DAYS: Final = 6  # where a volunteer was is known for seven (services/survey/privacy/purposes.py)
_INACCURATE_M: Final = 1_500  # too much for a position to tell how fast its volunteer was

_ENCODE: Final = msgspec.json.Encoder().encode
_THAI_DIGITS: Final = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
_NOWHERE: Final = "999999"
_ABOLISHED: Final = "100205"
"""Bang Sue, once a subdistrict of Dusit."""


@dataclass(frozen=True, slots=True)
class Round:
    """A subdistrict that a volunteer goes round, and a province's `team` after; `weight` is its part of the houses."""

    volunteer: int
    team: int
    area: str
    weight: float
    vaccinated: float


@dataclass(frozen=True, slots=True)
class _House:
    number: int
    address: Json
    household: people.Household


@dataclass(frozen=True, slots=True)
class _Visit:
    """A submission on its way into a batch."""

    volunteer: int
    submission: Submission


@dataclass(frozen=True, slots=True)
class _Odd:
    """Visits of the first wave, each to a door of its own, and such as follow in the second."""

    first: Sequence[_Visit] = ()
    second: Sequence[_Visit] = ()


def waves_of(random: Random, rounds: Sequence[Round], *, run: int, now: datetime, households: int) -> tuple[Wave, ...]:
    """All visits of a run that knocks at so many doors and ends at `now`."""
    first: list[_Visit] = []
    second: list[_Visit] = []
    third: list[_Visit] = []
    writer = _Writer(random, run, now)
    for found, doors in zip(rounds, _shares([r.weight for r in rounds], households), strict=True):
        odd = writer.odd(found, doors) if doors and random.random() < ODD else _Odd()
        first += odd.first
        second += odd.second
        for door in range(len(odd.first) + 1, doors + 1):
            house, visit = writer.first_visit(found, door)
            first.append(visit)
            fate = random.random()
            if fate < REVISITED:
                second.append(writer.later(found.team, house, visit.submission))
                if fate < REVISITED / 3:
                    third.append(writer.older(found.volunteer, house, second[-1].submission))
            elif fate < REVISITED + CORRECTED:
                second.append(writer.later(found.volunteer, house, visit.submission))
            elif fate < REVISITED + CORRECTED + LATE:
                second.append(writer.older(found.team, house, visit.submission))
            elif fate < REVISITED + CORRECTED + LATE + TIED:
                second.append(writer.same_moment(found.team, house, visit.submission))
            elif fate < REVISITED + CORRECTED + LATE + TIED + RESENT:
                (second if random.random() < 0.5 else third).append(visit)
            elif fate < REVISITED + CORRECTED + LATE + TIED + RESENT + TWICE_IN_A_BATCH:
                first.append(visit)
            elif fate > 1 - BAD:
                first.append(writer.bad(found, rounds))
    return (
        Wave("first", _batches(random, first)),
        Wave("second", _batches(random, second)),
        Wave("third", _batches(random, third)),
    )


def _shares(weights: Sequence[float], whole: int) -> list[int]:
    """Divide a whole number by weights; what rounding leaves over goes to the largest remainders."""
    scale = whole / sum(weights)
    shares = [int(weight * scale) for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: shares[i] - weights[i] * scale)
    for index in by_remainder[: whole - sum(shares)]:
        shares[index] += 1
    return shares


def _batches(random: Random, visits: Sequence[_Visit]) -> tuple[Batch, ...]:
    """What each phone sends: its own visits by day, in batches of 50, some of them alone."""
    by_volunteer: defaultdict[int, list[Submission]] = defaultdict(list)
    batches = []
    for visit in visits:
        if random.random() < SINGLE_SHARE:
            batches.append(Batch(visit.volunteer, (visit.submission,), single=True))
        else:
            by_volunteer[visit.volunteer].append(visit.submission)
    for volunteer, submissions in by_volunteer.items():
        submissions.sort(key=lambda submission: submission.captured_at)
        batches += [
            Batch(volunteer, tuple(submissions[start : start + BATCH])) for start in range(0, len(submissions), BATCH)
        ]
    random.shuffle(batches)
    return tuple(batches)


class _Writer:
    """Writes submissions as phones do, and numbers the houses."""

    def __init__(self, random: Random, run: int, now: datetime) -> None:
        self._random = random
        self._run = run
        self._now = now
        today = now.astimezone(BANGKOK).replace(hour=0, minute=0, second=0, microsecond=0)
        self._days = [today - timedelta(days=DAYS - day) for day in range(DAYS)]
        # The campaign gathers pace, and rests a little at weekends.
        self._pace = [
            (0.4 + 1.2 * day / DAYS) * (0.5 if midnight.weekday() >= 5 else 1.0)
            for day, midnight in enumerate(self._days)
        ]
        self._houses = 0
        self._flown: set[int] = set()

    def first_visit(self, found: Round, door: int) -> tuple[_House, _Visit]:
        """Knock at a new door."""
        captured_at = self._moment()
        house = self._house(found, door, captured_at)
        position = self._position(found.area) if self._random.random() < 0.9 else None
        return house, self._visit(found.volunteer, house, house.household, captured_at, position)

    def odd(self, found: Round, doors: int) -> _Odd:
        """Something odd at the round's first door or first two, of so many; no other visit is made there.

        Of two houses with the same person, the one that is recorded last is flagged. They lie in one subdistrict, so
        that its figures are the same whichever that is. A team seems to have flown once at most, from a house and back
        to it, and has no other visit with a position.
        """
        at = self._moment(_REMEMBERED_DAYS)
        kinds = [QualityFlag.CHECK_DIGIT, QualityFlag.POSITION_ELSEWHERE]
        kinds += [QualityFlag.SAME_PERSON] * (doors > 1) + [QualityFlag.IMPLAUSIBLE_SPEED] * (
            found.team not in self._flown
        )
        position = self._position(found.area)
        elsewhere = position | {"lat": round(float(str(position["lat"])) - _FAR_DEGREES, 4)}
        house = self._house(found, 1, at)
        match self._random.choice(kinds):
            case QualityFlag.CHECK_DIGIT as flag:
                shown: Json = {"national_id": people.misprinted(self._random), "national_id_as_shown": True}
                return _Odd([self._odd(found.volunteer, house, at, [flag], person=shown)])
            case QualityFlag.POSITION_ELSEWHERE as flag:
                position = elsewhere | {"accuracy_m": _INACCURATE_M}
                return _Odd([self._odd(found.volunteer, house, at, [flag], position=position)])
            case QualityFlag.SAME_PERSON as flag:
                person: Json = {"national_id": people.national_id(self._random)}
                neighbour = self._house(found, 2, at)
                return _Odd(
                    [
                        self._odd(found.volunteer, house, at, [], person=person),
                        self._odd(found.volunteer, neighbour, at, [flag], person=person),
                    ]
                )
            case flag:
                self._flown.add(found.team)
                flags = [flag, QualityFlag.POSITION_ELSEWHERE]
                return _Odd(
                    [self._odd(found.team, house, at, [], position=position)],
                    [self._odd(found.team, house, at + timedelta(minutes=2), flags, position=elsewhere)],
                )

    def _odd(
        self,
        volunteer: int,
        house: _House,
        captured_at: datetime,
        flags: Sequence[str],
        *,
        position: Json | None = None,
        person: Json | None = None,
    ) -> _Visit:
        first, *others = house.household.persons
        household = replace(house.household, persons=(first | (person or {}), *others))
        visit = self._visit(volunteer, house, household, captured_at, position)
        return replace(visit, submission=replace(visit.submission, flags=tuple(flags)))

    def _moment(self, days: int = DAYS) -> datetime:
        """Within the last `days` before today."""
        midnight = self._random.choices(self._days[-days:], self._pace[-days:])[0]
        return midnight + timedelta(seconds=self._random.randint(8 * 3600, 18 * 3600))

    def _house(self, found: Round, door: int, captured_at: datetime) -> _House:
        household = people.household(self._random, found.vaccinated, captured_at.date())
        house = _House(self._houses, self._address(found.area, door), household)
        self._houses += 1
        return house

    def _position(self, area: str) -> Json:
        latitude, longitude = position_near(self._random, area)
        return {"lat": latitude, "lon": longitude, "accuracy_m": self._random.randint(4, 60)}

    def later(self, volunteer: int, house: _House, before: Submission) -> _Visit:
        """The same house some days later, at the latest now; the address may be spelled in another way."""
        longest = (self._now - before.captured_at).total_seconds()
        seconds = min(self._random.randint(3600, 5 * 86_400), longest * 0.9)
        captured_at = before.captured_at + timedelta(seconds=int(seconds))
        household = people.after_another_dose(self._random, house.household, captured_at.date())
        return self._visit(volunteer, self._respelled(house), household, captured_at)

    def older(self, volunteer: int, house: _House, than: Submission) -> _Visit:
        """The same house some days before, but sent only now."""
        captured_at = than.captured_at - timedelta(seconds=self._random.randint(1800, 3 * 86_400))
        return self._visit(volunteer, self._respelled(house), house.household, captured_at)

    def same_moment(self, volunteer: int, house: _House, other: Submission) -> _Visit:
        """The same house at the same moment, by two phones: which one stands, the ids decide."""
        household = people.after_another_dose(self._random, house.household, other.captured_at.date())
        return self._visit(volunteer, house, household, other.captured_at)

    def bad(self, found: Round, rounds: Sequence[Round]) -> _Visit:
        """A submission with one fault, which must be refused for that fault and nothing else."""
        random = self._random
        captured_at = self._days[-1] + timedelta(hours=9)
        address = {"area": found.area, "house": f"0/{self._run}"}
        person: Json = {"age": random.randint(1, 90), "doses": [], "wants_vaccine": "yes"}
        match random.randrange(6):
            case 0:
                address["area"] = _NOWHERE
                refusal = Refusal(400, "address.area", "unknown_area")
            case 1:
                captured_at = self._now + timedelta(days=random.randint(2, 400))
                refusal = Refusal(400, "captured_at", "in_the_future")
            case 2:
                person["national_id"] = people.misprinted(random)
                refusal = Refusal(400, "persons[0].national_id", "national_id_check_digit")
            case 3:
                elsewhere = [other.area for other in rounds if other.area[:2] != found.area[:2]]
                address["area"] = random.choice(elsewhere)
                refusal = Refusal(403, "address.area", "other_area")
            case 4:
                address["area"] = _ABOLISHED
                refusal = Refusal(400, "address.area", "abolished_area")
            case _:
                day = (self._now + timedelta(days=random.randint(3, 90))).date()
                person["doses"] = [{"number": 1, "date": day.isoformat()}]
                refusal = Refusal(400, "persons[0].doses[0].date", "in_the_future")
        return self._submit(found.volunteer, -1, captured_at, {"address": address, "persons": [person]}, refusal)

    def _visit(
        self,
        volunteer: int,
        house: _House,
        household: people.Household,
        captured_at: datetime,
        position: Json | None = None,
    ) -> _Visit:
        body: Json = {
            "address": house.address,
            "position": position,
            "contact": {"name": household.persons[0]["name"], "phone": household.phone},
            "persons": household.persons,
        }
        return self._submit(volunteer, house.number, captured_at, body)

    def _submit(
        self, volunteer: int, household: int, captured_at: datetime, body: Json, refusal: Refusal | None = None
    ) -> _Visit:
        submission_id = str(UUID(int=self._random.getrandbits(128), version=4))
        sent = {"submission_id": submission_id, "captured_at": captured_at.isoformat(), **body}
        return _Visit(volunteer, Submission(submission_id, household, captured_at, _ENCODE(sent), refusal))

    def _address(self, area: str, door: int) -> Json:
        """A house number that no other run uses in this subdistrict."""
        village = None if area.startswith("10") else f"{area}{1 + door % 7:02d}"
        return {"area": area, "village": village, "house": f"{door}/{self._run}", "unit": None}

    def _respelled(self, house: _House) -> _House:
        """The same house as another hand writes it."""
        number = str(house.address["house"])
        spelled = self._random.choice((number, number.translate(_THAI_DIGITS), f" {number.replace('/', ' / ')} "))
        return replace(house, address=house.address | {"house": spelled})
