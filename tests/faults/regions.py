"""Cuts a campaign of the whole country down to some provinces, so that many can be played in a short time."""

from collections.abc import Collection
from dataclasses import replace
from random import Random
from typing import Final

from deploy.demo.plan import Batch, Plan, Wave

BATCH: Final = 12
"""Smaller than a phone's: more requests, so more moments at which something can be killed."""


def some_provinces(plan: Plan, number: int) -> Plan:
    """The same campaign in so many provinces of those that it visits, chosen by its seed."""
    visited = sorted({code[:2] for code in plan.targets} - set(plan.quiet_provinces))
    chosen = set(Random(plan.seed).sample(visited, number))
    organisations = _kept([one.area for one in plan.organisations], chosen)
    coordinators = _kept([one.area for one in plan.coordinators], chosen)
    volunteers = _kept([one.area for one in plan.volunteers], chosen)
    return replace(
        plan,
        organisations=tuple(plan.organisations[index] for index in organisations),
        coordinators=tuple(
            replace(plan.coordinators[index], organisation=organisations[plan.coordinators[index].organisation])
            for index in coordinators
        ),
        volunteers=tuple(
            replace(
                plan.volunteers[index],
                organisation=organisations[plan.volunteers[index].organisation],
                coordinator=coordinators[plan.volunteers[index].coordinator],
            )
            for index in volunteers
        ),
        places=tuple(
            replace(place, coordinator=coordinators[place.coordinator])
            for place in plan.places
            if place.coordinator in coordinators
        ),
        waves=tuple(
            Wave(wave.name, tuple(part for batch in wave.batches for part in _parts(batch, volunteers)))
            for wave in plan.waves
        ),
        targets={code: value for code, value in plan.targets.items() if code[:2] in chosen},
        residents={code: value for code, value in plan.residents.items() if code[:2] in chosen},
        quiet_provinces=(),
        calls=(),  # for help: those have kills of their own (test_help.py)
    )


def _kept(areas: list[str], chosen: Collection[str]) -> dict[int, int]:
    """The new place in the list of each that stays."""
    staying = [index for index, area in enumerate(areas) if area[:2] in chosen]
    return {index: place for place, index in enumerate(staying)}


def _parts(batch: Batch, volunteers: dict[int, int]) -> list[Batch]:
    if batch.volunteer not in volunteers:
        return []
    return [
        replace(batch, volunteer=volunteers[batch.volunteer], submissions=batch.submissions[start : start + BATCH])
        for start in range(0, len(batch.submissions), BATCH)
    ]
