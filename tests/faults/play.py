"""Plays a fault: phones send before, during and after it, and in the end everything is counted."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, Generic

from deploy.local.stack import Stack
from shared.security.keyed_ids import HouseholdIds
from shared.security.tokens import TokenSigner
from tests.bench.setting import volunteer_token
from tests.faults import ledger
from tests.faults.phones import Pace, Phones
from tests.runtime import AnyStack, Runtime

PROCESSES: Final = ("registration-http", "survey-http", "survey-recorder", "survey-lister", "reporting-projector")
"""What a visit passes through, and who gives out the keys that tokens are judged by."""
BEFORE: Final = 100
AFTER: Final = 150
"""Visits that are accepted before the fault begins, and at least after it has ended."""

Fault = Callable[[AnyStack, Phones], Awaitable[None]]
"""Begins and ends a fault, and holds it to be felt: raises AssertionError when nothing came of it."""


@dataclass(frozen=True, slots=True)
class Scenario(Generic[AnyStack]):
    """A fault by its name."""

    name: str
    fault: Fault[AnyStack]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the visits of one scenario."""

    scenario: str
    offered: int
    accepted: int
    """Answered 202 in the end."""
    recorded: int
    """Of the offered ones, in the survey's database."""
    counted: int
    """By how much reporting's sum of visits has grown."""
    told: dict[str, int]
    """Answers to visits, repetitions included, by status; `none`: the connection broke or the answer did not come."""
    seconds: float
    """From the end of the fault, with phones that still send for a while, until everything offered was counted."""
    findings: list[str]
    """What is not exact."""


async def play(stack: AnyStack, told: set[str], scenario: Scenario[AnyStack]) -> Outcome:
    """Play a scenario on a stack that is exact. told: all submissions that were accepted on it; gets more."""
    runtime = Runtime(stack)
    phones = phones_of(stack, scenario.name)
    visits = await ledger.value(runtime, "reporting", ledger.VISITS)
    async with asyncio.TaskGroup() as group:
        group.create_task(phones.run())
        try:
            await phones.progress(BEFORE)
            await scenario.fault(stack, phones)
            ended = monotonic()
            await phones.progress(AFTER)
        finally:
            phones.finish()
    told |= phones.accepted
    counted = await ledger.settled(runtime, "reporting", ledger.VISITS, len(told)) - visits
    seconds = monotonic() - ended
    findings = await ledger.differences(runtime, told)
    recorded = {str(row[0]) for row in await ledger.rows(runtime, "survey", ledger.SUBMISSIONS)} & phones.offered
    return Outcome(
        scenario=scenario.name,
        offered=len(phones.offered),
        accepted=len(phones.accepted),
        recorded=len(recorded),
        counted=counted,
        told=dict(sorted(phones.told.items())),
        seconds=seconds,
        findings=findings,
    )


def phones_of(stack: Stack, name: str, pace: Pace = Pace()) -> Phones:  # noqa: B008 - frozen
    """Phones with visits that no other scenario has."""
    issuer = stack.environment("survey-http")["JITASA_TOKEN_ISSUER"]
    token = volunteer_token(TokenSigner.from_file(stack.secrets.signing_keys, issuer=issuer), 0)
    household_ids = HouseholdIds.from_file(stack.secrets.household_key)
    port = stack.process("survey-http").program.port
    return Phones(port, token, seed=zlib.crc32(name.encode()), household_ids=household_ids, pace=pace)
