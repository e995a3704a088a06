"""What is lost and what is not, counted: the machine, the database's last hours, the whole Kafka cluster.

One machine goes through all of it; each test leaves it exact for the next.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from deploy import provisioning
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.topics import FACILITY_UPDATED, SURVEY_INTAKE, SURVEY_SUBMITTED, Topic
from shared.kafka.adoption import records
from tests.faults import ledger
from tests.integration.recovery.field import Field
from tests.integration.recovery.machine import Machine
from tests.runtime import temporary_home

VISITS = 200
ONLY_IN_KAFKA = 60
"""Visits that were accepted while no recorder worked: the databases do not know them yet."""
GROWN = {SURVEY_SUBMITTED.name: 48, SURVEY_INTAKE.name: 48}
SHOWN = "SELECT name, status FROM facility WHERE facility_id::text = ANY ($1::text[])"


class Rehearsal:
    """The machine, who works with it, and what is known of its Kafka. gone: records of intake that went with one."""

    def __init__(self, machine: Machine, field: Field) -> None:
        self.machine = machine
        self.field = field
        self.gone = 0

    async def up(self) -> None:
        """Start what is in the home, and work with it."""
        await self.machine.up()
        await self.field.meet(self.machine.stack)

    async def recorded(self) -> set[str]:
        """The visits that the survey's database has."""
        return {str(row[0]) for row in await ledger.rows(self.machine.runtime, "survey", ledger.SUBMISSIONS)}

    async def all_recorded(self) -> None:
        """Wait until every visit that was accepted is recorded and counted."""
        wanted = len(self.field.accepted)
        assert await ledger.settled(self.machine.runtime, "reporting", ledger.VISITS, wanted) == wanted

    async def accepted_without_recorder(self) -> set[str]:
        """Visits of which only Kafka knows."""
        await self.all_recorded()
        await asyncio.to_thread(self.machine.stack.stop_services, ["survey-recorder"])
        return await self.field.visit(ONLY_IN_KAFKA)

    async def exact(self, *, restored: bool = False) -> None:
        """Hold everything to be equal, once everything is counted: what is recorded is published a moment later."""
        await self.all_recorded()
        found = await ledger.differences(self.machine.runtime, self.field.accepted, gone=self.gone, restored=restored)
        assert not found, "\n".join(found)

    async def partitions(self) -> dict[str, int]:
        """How many the survey's topics have."""
        topics = [SURVEY_SUBMITTED, SURVEY_INTAKE]
        return await asyncio.to_thread(provisioning.partitions, self.machine.stack.kafka.admin(), topics)

    async def kafka_is_lost(self) -> None:
        """Note how many records of intake the databases have taken from the Kafka that is about to go."""
        self.gone = await ledger.value(self.machine.runtime, "survey", ledger.RECORDED)


class Reader:
    """Somebody outside, who keeps the last sequence of each partition."""

    def __init__(self, machine: Machine, topic: Topic) -> None:
        self._machine = machine
        self._topic = topic
        self._last: dict[int, int] = {}

    async def read(self) -> int:
        """Read the topic from its beginning; how many events were new to it. Fails at a gap."""
        taken = 0
        async for record in records(self._machine.runtime.kafka_settings(), self._topic):
            envelope = from_headers(record.headers)
            verdict = judge(self._last.get(record.partition), envelope.sequence, envelope.previous)
            assert verdict is not Verdict.GAP
            if verdict is Verdict.APPLY:
                self._last[record.partition] = envelope.sequence
                taken += 1
        return taken


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A home of its own, and a place apart."""
    with temporary_home() as home:
        machine = Machine(home, tmp_path_factory.mktemp("apart"))
        try:
            yield machine
        finally:
            machine.kill()


@pytest.fixture(scope="module")
async def rehearsal(machine: Machine) -> AsyncIterator[Rehearsal]:
    """The machine at work."""
    async with Field(seed=11) as field:
        rehearsal = Rehearsal(machine, field)
        await rehearsal.up()
        yield rehearsal


async def test_the_machine_is_lost_with_everything_on_it(rehearsal: Rehearsal) -> None:
    """The databases come back to their last change, the streams from them. What only Kafka had is named, each one, and
    sent again."""
    machine, field = rehearsal.machine, rehearsal.field
    places = [await field.enter_place("จุดฉีดก่อนสำรอง")]
    await field.visit(VISITS)
    async with field.at_work():
        await machine.follow()
    await field.visit(VISITS)
    places.append(await field.enter_place("จุดฉีดหลังสำรอง"))
    only_in_kafka = await rehearsal.accepted_without_recorder()
    before = await rehearsal.recorded()
    await rehearsal.kafka_is_lost()
    await machine.unfollow()
    await machine.lose(machine.home.root)
    await asyncio.to_thread(_damaged_is_refused, machine)
    said = await machine.restore()
    assert "Restored from" in said
    again = await asyncio.to_thread(machine.command, *machine.restoring())
    assert (again.returncode, "There is a database" in again.stderr) == (1, True)
    _only_the_owner_may_read(machine.keys, machine.home.secrets)

    await rehearsal.up()
    assert await rehearsal.recorded() == before
    assert field.accepted - before == await field.not_known(only_in_kafka) == only_in_kafka
    assert [await field.change_place(place, "จุดฉีดหลังกู้คืน") for place in places] == [2, 2]
    await field.send(only_in_kafka)
    await rehearsal.exact()


def _damaged_is_refused(machine: Machine) -> None:
    """One byte of a file is enough."""
    file = next(machine.backups.glob("*/base/PG_VERSION"))
    text = file.read_bytes()
    file.write_bytes(b"7" + text[1:])
    done = machine.command(*machine.restoring())
    file.write_bytes(text)
    assert (done.returncode, "pg_verifybackup failed" in done.stderr) == (1, True), done.stderr
    assert list(machine.home.state.iterdir()) == [machine.home.lock_file], "nothing was put there"


def _a_second_follower_and_keys_beside_the_data_are_refused(machine: Machine) -> None:
    second = machine.command(*machine.backing_up(), "--follow")
    assert (second.returncode, "is active" in second.stderr) == (1, True), second.stderr
    inside = machine.command("backup", "--to", str(machine.backups), "--keys", str(machine.backups / "keys"))
    assert (inside.returncode, "one folder" in inside.stderr) == (1, True), inside.stderr


def _only_the_owner_may_read(*folders: Path) -> None:
    for path in (each for folder in folders for each in (folder, *folder.rglob("*"))):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_the_database_is_set_back_while_kafka_is_ahead(rehearsal: Rehearsal) -> None:
    """Visits come back by replay. Changes of places, which only the database had, are named; numbers and revisions go
    on above what everybody has read, so that nothing new is taken for a repetition."""
    machine, field = rehearsal.machine, rehearsal.field
    changed = await field.enter_place("จุดฉีดที่จะเปลี่ยน")
    await machine.follow()
    await asyncio.to_thread(_a_second_follower_and_keys_beside_the_data_are_refused, machine)
    await field.visit(VISITS)
    await rehearsal.all_recorded()
    moment: datetime = (await ledger.rows(machine.runtime, "postgres", "SELECT clock_timestamp()"))[0][0]
    # Kafka alone knows then that there are more partitions.
    grown = await asyncio.to_thread(machine.command, "admin", "partitions", "48")
    assert grown.returncode == 0, grown.stderr
    await field.visit(VISITS)
    revision = await field.change_place(changed, "จุดฉีดที่เปลี่ยนแล้ว")
    lost = await field.enter_place("จุดฉีดที่หายไป")
    await rehearsal.all_recorded()
    assert await ledger.settled(machine.runtime, "facilities", ledger.UNPUBLISHED, 0) == 0
    await machine.unfollow()
    await machine.lose(machine.stack.postgres.folder)
    await machine.restore(at=moment)

    await rehearsal.up()
    await rehearsal.all_recorded()
    listed = await asyncio.to_thread(machine.command, "admin", "lost-changes")
    assert listed.returncode == 1
    words = [line.split() for line in listed.stdout.splitlines()[:-1]]
    assert [(line[3], line[-1]) for line in words] == [(changed, "open"), (lost, "closed")]
    assert await field.change_place(changed, "จุดฉีดที่เปลี่ยนอีกครั้ง") == revision + 1
    assert await rehearsal.partitions() == GROWN
    await rehearsal.exact(restored=True)
    shown = [tuple(row) for row in await ledger.rows(machine.runtime, "reporting", SHOWN, [changed, lost])]
    assert sorted(shown) == sorted([("จุดฉีดที่เปลี่ยนอีกครั้ง", "open"), ("จุดฉีดที่หายไป", "closed")])


async def test_the_whole_of_kafka_is_lost(rehearsal: Rehearsal) -> None:
    """A new cluster is filled from the databases. Who has read the former one goes on without a gap and without
    anything twice."""
    machine, field = rehearsal.machine, rehearsal.field
    only_in_kafka = await rehearsal.accepted_without_recorder()
    places = [await field.enter_place("จุดฉีดก่อนเสียคาฟคา")]
    assert await ledger.settled(machine.runtime, "facilities", ledger.UNPUBLISHED, 0) == 0
    readers = [Reader(machine, topic) for topic in (SURVEY_SUBMITTED, FACILITY_UPDATED)]
    for reader in readers:
        await reader.read()
    before = await rehearsal.recorded()
    await rehearsal.kafka_is_lost()
    await machine.lose(machine.stack.kafka.folder)

    await rehearsal.up()
    assert await field.not_known(only_in_kafka) == only_in_kafka
    assert await rehearsal.recorded() == before
    assert await rehearsal.partitions() == GROWN  # as many as were read of the one that is lost
    await field.send(only_in_kafka)
    assert await field.change_place(places[0], "จุดฉีดหลังเสียคาฟคา") == 2
    await rehearsal.exact()
    assert [await reader.read() for reader in readers] == [ONLY_IN_KAFKA, 1]
