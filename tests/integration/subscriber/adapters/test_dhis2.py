"""The push into a DHIS2: reporting's own figures, whenever it is killed, and what is refused is told."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from deploy.local.stack import Stack
from deploy.subscriber.adapters.dhis2_push import Value, read_summary
from deploy.subscriber.adapters.following import Stopped
from deploy.subscriber.adapters.monthly import FIGURES, following
from deploy.subscriber.sandbox import Sandbox
from services.reporting.interchange import dhis2
from services.reporting.live import LiveStream
from services.reporting.processes.http import create
from services.reporting.projector import TOPICS
from services.reporting.settings import LiveSettings
from shared.areas.register import subdistricts
from shared.areas.units import area_uid, area_unit
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.web.authentication import Authentication
from tests.integration.reporting.conftest import NOW, Tokens, as_role, eventually, projecting
from tests.integration.reporting.test_figures import submitted
from tests.integration.subscriber.adapters.conftest import begin, run
from tests.integration.subscriber.adapters.fake_dhis2 import TOKEN, FakeDhis2, at_work
from tests.runtime import Runtime
from tests.unit.reporting.campaigns import campaign

EVENTS = campaign(seed=31, length=200).events
DOORS = sorted(event.captured_at for event in EVENTS)
"""Over the end of a month."""
MONTHS = ("202201", "202202")
UNITS = (*(area_unit(each)["code"] for each in subdistricts()), "500201")
"""The last one was abolished: events of the time before stay, and are exported."""


@pytest.fixture(scope="module")
async def written(sandbox: Sandbox) -> None:
    """A campaign over two months beside what is there."""
    for event, moment in zip(EVENTS, DOORS, strict=True):
        body = submitted(msgspec.structs.replace(event, captured_at=moment)).model_dump_json().encode()
        partition = sandbox.surveys.make_other(event.area, body)
        await sandbox.surveys.publish(partition, -1)


@pytest.fixture(scope="module")
async def reporting(broker: Stack, written: None) -> AsyncIterator[httpx.AsyncClient]:
    """Reporting with the same events, asked by who may see all of it."""
    runtime, live, tokens = Runtime(broker), LiveSettings(), Tokens()
    pool = await open_pool(runtime.postgres_settings("reporting", "reporting"), application="test")
    async with projecting(runtime.kafka_settings(), pool, TOPICS):
        app = create(
            pool,
            Authentication(tokens, tokens),
            MovableClock(NOW),
            LiveStream(live.max_viewers),
            live,
            ready=list,
            assets=broker.tools.assets,
        )
        headers = as_role(Role.CENTRAL_ADMINISTRATOR, "")
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://reporting", headers=headers) as client:
            yield client
    pool.terminate()


@pytest.fixture
def fake() -> Iterator[FakeDhis2]:
    """A DHIS2 with reporting's data elements, and with Thailand as facilities exports it."""
    elements = {each["code"] for each in dhis2.metadata()["dataElements"]}
    with at_work(FakeDhis2(elements, set(UNITS))) as fake:
        yield fake


@pytest.fixture
def told(environment: Mapping[str, str], fake: FakeDhis2, tmp_path: Path, written: None) -> dict[str, str]:
    """What the adapter is told."""
    secret = tmp_path / "token"
    secret.write_text(TOKEN.removeprefix("ApiToken "))
    return {**environment, "DHIS2_URL": fake.url, "DHIS2_TOKEN_FILE": str(secret)}


def asked(folder: Path) -> tuple[str | Path, ...]:
    """The arguments of the adapter."""
    return "--database", folder / "push.sqlite", "--until", MONTHS[-1]


async def exported(client: httpx.AsyncClient) -> dict[tuple[str, str, str], str]:
    """What reporting exports of both months, by codes."""
    elements = {each.uid: each.code for each in dhis2.ELEMENTS}
    units = {area_uid(code): code for code in UNITS}
    found = {}
    for month in MONTHS:
        answer = await client.get("/dhis2/dataValueSets.json", params={"period": month, "level": "subdistrict"})
        assert answer.status_code == 200, answer.text
        for value in answer.json()["dataValues"]:
            found[month, units[value["orgUnit"]], elements[value["dataElement"]]] = value["value"]
    return found


async def agrees(client: httpx.AsyncClient, fake: FakeDhis2) -> bool:
    """Whether the DHIS2 has what reporting exports; where an area had nothing yet, it has nothing."""
    wanted = await exported(client)
    here = fake.values
    return bool(here) and all(here.get(key, "0") == value for key, value in wanted.items()) and set(here) <= set(wanted)


async def test_the_figures_are_those_of_reporting(
    told: dict[str, str], fake: FakeDhis2, reporting: httpx.AsyncClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    """By month, unit and element; a second push has nothing to send, a third what has changed."""
    assert (await run("dhis2_push", told, *asked(tmp_path)))[0] == 0
    await eventually(lambda: agrees(reporting, fake), "the DHIS2 has what reporting exports")
    assert {key[0] for key in fake.values} == set(MONTHS)
    requests = len(fake.imports)
    assert await run("dhis2_push", told, *asked(tmp_path)) == (0, "DHIS2 has taken 0 values\n")
    assert len(fake.imports) == requests
    await sandbox.survey(5)
    assert (await run("dhis2_push", told, *asked(tmp_path)))[0] == 0
    await eventually(lambda: agrees(reporting, fake), "the DHIS2 has what reporting exports now")
    assert fake.imports[-1]["imported"] == 0
    assert fake.imports[-1]["updated"] < len(fake.values) / 2
    assert fake.duplicates == 0


async def test_what_is_refused_is_told_and_comes_when_it_can(
    told: dict[str, str], fake: FakeDhis2, reporting: httpx.AsyncClient, tmp_path: Path
) -> None:
    """A unit and a data element that the DHIS2 has not, a month that is not open; then it has them."""
    fake.units.remove("500101")
    fake.elements.remove("JITASA_UNDECIDED")
    fake.latest = "202201"
    code, said = await run("dhis2_push", told, *asked(tmp_path))
    assert code == 3
    assert "E7612 Organisation unit not found or not accessible: `500101`" in said
    assert "E7610 Data element not found or not accessible: `JITASA_UNDECIDED`" in said
    assert "E7641 Period: `202202` is after latest open future period: `202201`" in said
    had = len(fake.values)
    fake.units.add("500101")
    fake.elements.add("JITASA_UNDECIDED")
    fake.latest = "202203"
    assert await run("dhis2_push", told, *asked(tmp_path)) == (0, f"DHIS2 has taken {len(fake.values) - had} values\n")
    assert fake.imports[-1]["updated"] == 0
    await eventually(lambda: agrees(reporting, fake), "the DHIS2 has what reporting exports")


async def test_killed_before_the_answer_it_sends_the_same_once_more(
    told: dict[str, str], fake: FakeDhis2, reporting: httpx.AsyncClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Values are stored there, nobody knows here: again, and nothing counts twice."""
    for _ in range(3):
        stored, go_on = threading.Event(), threading.Event()

        def hold(stored: threading.Event = stored, go_on: threading.Event = go_on) -> None:
            stored.set()
            go_on.wait(20)

        fake.stored = hold
        process = await begin("dhis2_push", told, *asked(tmp_path))
        assert await asyncio.to_thread(stored.wait, 20)
        process.kill()
        await process.communicate()
        go_on.set()
        await sandbox.survey(10)
    fake.stored = lambda: None
    assert (await run("dhis2_push", told, *asked(tmp_path)))[0] == 0
    assert fake.imports[-1]["updated"] > 0
    await eventually(lambda: agrees(reporting, fake), "the DHIS2 has what reporting exports")
    assert fake.duplicates == 0


async def test_a_dry_run_keeps_nothing(told: dict[str, str], fake: FakeDhis2, tmp_path: Path) -> None:
    """Neither there nor here."""
    code, said = await run("dhis2_push", told, *asked(tmp_path), "--dry-run")
    assert (code, fake.values) == (0, {})
    assert await run("dhis2_push", told, *asked(tmp_path)) == (0, said)
    assert said == f"DHIS2 has taken {len(fake.values)} values\n"


async def test_a_busy_dhis2_is_asked_again_and_a_strange_account_is_told(
    told: dict[str, str], fake: FakeDhis2, tmp_path: Path
) -> None:
    """503 and 429 pass; 401 does not."""
    fake.answers = [503, 429]
    assert (await run("dhis2_push", told, *asked(tmp_path)))[0] == 0
    (tmp_path / "token").write_text("another")
    await asyncio.to_thread((tmp_path / "push.sqlite").unlink)
    assert await run("dhis2_push", told, *asked(tmp_path)) == (1, "DHIS2 takes nothing: 401\n")


BATCH = [Value("500101", "202201", figure, 1) for figure in FIGURES[:3]]


def test_an_older_summary_does_not_say_which_values_were_refused() -> None:
    """So none is taken for taken."""
    old = FakeDhis2({"JITASA_SUBMISSIONS", "JITASA_HOUSEHOLDS"}, {"500101"}, old=True)
    _, summary = old.take({"dataValues": [value.as_json() for value in BATCH]}, dry_run=False)
    outcome = read_summary(summary, BATCH)
    assert (outcome.taken, len(outcome.conflicts)) == ([], 1)
    old.elements.add("JITASA_PERSONS")
    _, summary = old.take({"dataValues": [value.as_json() for value in BATCH]}, dry_run=False)
    assert read_summary(summary, BATCH) == (BATCH, [])


@pytest.mark.parametrize("body", [None, [], {}, {"response": {"status": "OK"}}])
def test_what_is_no_summary_stops_it(body: Any) -> None:
    """A proxy's page, an empty answer."""
    with pytest.raises(Stopped):
        read_summary(body, BATCH)


def test_counts_that_do_not_fit_are_not_believed() -> None:
    """Two were refused, it says, and three taken."""
    count = {"imported": 3, "updated": 0, "ignored": 2, "deleted": 0}
    summary = {"status": "WARNING", "importCount": count, "conflicts": [{"value": "x"}], "rejectedIndexes": [0, 1]}
    assert read_summary({"response": summary}, BATCH).taken == []


def test_months_follow() -> None:
    """Over the year's end."""
    assert [following(month) for month in ("202112", "202201", "202402")] == ["202201", "202202", "202403"]
