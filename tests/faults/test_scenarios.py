"""Those faults of the catalogue that fit CI's time, each under load. `./jitasa bench faults` plays all."""

import pytest

from tests.faults import ledger, scenarios
from tests.faults.campaigns import Campaigns
from tests.faults.play import Scenario, play
from tests.faults.stacks import ProxiedStack
from tests.runtime import Runtime

STOPPED_SECONDS = 6.0
"""Instead of the catalogue's 20: longer than a request to Kafka may take (5 s), all that CI has time for."""
PLAYED = [
    Scenario("Kafka slow", scenarios.kafka_slow),
    Scenario("Kafka stopped", scenarios.kafka_stopped(STOPPED_SECONDS)),
    Scenario("PostgreSQL slow", scenarios.postgres_slow),
    Scenario("PostgreSQL restarted", scenarios.postgres_restarted),
    Scenario("PostgreSQL out of connections", scenarios.postgres_out_of_connections),
    Scenario("recorders come and go", scenarios.recorders_come_and_go),
    Scenario("recorder killed 3 times", scenarios.killed("survey-recorder")),
]


@pytest.mark.parametrize("scenario", PLAYED, ids=lambda scenario: scenario.name)
async def test_a_fault_under_load_loses_and_doubles_nothing(
    campaigns: Campaigns[ProxiedStack], scenario: Scenario[ProxiedStack]
) -> None:
    campaigns.failed = True  # until it turns out not to be
    outcome = await play(campaigns.stack, campaigns.told, scenario)
    assert outcome.findings == []
    assert await ledger.value(Runtime(campaigns.stack), "survey", ledger.FOLLOW_UPS) > 0
    assert outcome.offered == outcome.accepted == outcome.recorded == outcome.counted
    campaigns.failed = False
