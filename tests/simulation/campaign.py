"""One schedule: a small campaign, its processes, and the faults that the seed chooses; ends when everything is at rest.

Phones send submissions and follow-ups until they are told 202, and send some again although they were; somebody has a
household erased; volunteers' statuses change.
Meanwhile faults strike between any two steps. Then the faults end, every process is started again, and what is left has
to come to rest in a bounded time, and has to be exact (`verdict.py`).
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby
from random import Random
from typing import Any, Final
from uuid import UUID

from services.survey.intake import Answer, Intake
from shared.contracts.events import Role
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, Topic
from shared.kafka.producer import PublishFailed
from shared.kafka.reading import RecordsMissing
from shared.security.principal import Principal
from tests.simulation import processes
from tests.simulation.database import LOCK_SECONDS, Database
from tests.simulation.kafka import SESSION_SECONDS, Batch, Cluster
from tests.simulation.processes import AREAS, HOUSEHOLD_IDS, START, Pieces, Site
from tests.simulation.scheduler import Process, Stuck, World
from tests.simulation.verdict import problems

MOST_STEPS: Final = 60_000
"""An ordinary schedule takes 1,000 to 3,000; one that comes to no rest in this many never does."""
BUSY_STEPS: Final = 800
"""Faults strike within so many steps, more of them early: a schedule without faults is at rest after about 500."""
PATIENCE_SECONDS: Final = 60.0
"""Virtual time after the last fault in which everything has to come to rest: five rebalances' worth."""
REST_SECONDS: Final = 0.3
"""How long everything has to be at rest, before it is judged: no message travels longer."""
GIVE_UP: Final = 0.1
"""Share of submissions that are not sent again after an attempt without an answer."""
SEND_AGAIN: Final = 0.15
"""Share that is sent again although it was accepted."""

PERSONS: Final = ("1101700230708", "3100600451236", "5500100123453")
"""National ids that belong to nobody."""
HOUSEHOLDS: Final = [HOUSEHOLD_IDS.of_address(AREAS[house], None, str(house), None) for house in range(6)]
VOLUNTEER: Final = Principal(UUID(int=7), UUID(int=8), Role.VOLUNTEER, "50", START + timedelta(days=1), "token")

FAULTS: Final[Mapping[str, int]] = {
    "crash": 6,
    "crash_all": 1,
    "pause": 6,
    "cut_sessions": 2,
    "lose_commit": 2,
    "lose_commit_answer": 4,
    "batch_late": 3,
    "batch_unacknowledged": 3,
    "batch_refused": 2,
    "identities_unknown": 1,
    "add_member": 3,
    "remove_member": 2,
    "rebalance": 2,
    "recreate": 2,
    "grow": 2,
    "pause_and_recreate": 1,
}
"""What can happen, and how often beside the others."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A submission or a follow-up as a phone sends it."""

    submission_id: UUID
    body: bytes
    follows_up: bool = False


def _offers() -> list[Offer]:
    """To draw from: 60 visits to six houses, far apart, two by two with the same person in them, who mostly wants
    vaccine; and 40 follow-ups about these persons."""
    chance, offers = Random(0), []
    for _ in range(60):
        house = chance.randrange(6)
        captured_at = (START - timedelta(minutes=chance.randrange(1000), days=1)).isoformat()
        submission_id = UUID(int=chance.getrandbits(128))
        persons = [
            {
                "age": chance.randrange(100),
                "doses": [{"number": n + 1} for n in range(chance.randrange(4))],
                "wants_vaccine": chance.choice(["yes", "undecided", "no"]),
            }
            for _ in range(chance.randrange(1, 4))
        ]
        body = {
            "submission_id": str(submission_id),
            "captured_at": captured_at,
            "address": {"area": AREAS[house % len(AREAS)], "house": str(house)},
            "position": {"lat": 18.0 + house / 5, "lon": 99.0},
            "persons": [
                *persons,
                {
                    "national_id": PERSONS[house % len(PERSONS)],
                    "age": 40,
                    "wants_vaccine": chance.choice(["yes", "yes", "no"]),
                },
            ],
        }
        offers.append(Offer(submission_id, json.dumps(body).encode()))
    for _ in range(40):
        house = chance.randrange(6)
        follow_up_id = UUID(int=chance.getrandbits(128))
        follow_up = {
            "follow_up_id": str(follow_up_id),
            "captured_at": (START - timedelta(minutes=chance.randrange(1000), days=1)).isoformat(),
            "household_id": str(HOUSEHOLDS[house]),
            "person_id": str(HOUSEHOLD_IDS.of_national_id(PERSONS[house % len(PERSONS)])),
            "outcome": chance.choice(["no_answer", "vaccinated", "changed_mind", "moved", "reopened"]),
            "contact": "visit",
        }
        offers.append(Offer(follow_up_id, json.dumps(follow_up).encode(), follows_up=True))
    return offers


OFFERS: Final = _offers()


class Failure(Exception):
    """The campaign did not end as it must; the message says what is wrong."""


class Member:
    """One place for a process: started again by a supervisor whenever it ends."""

    def __init__(
        self, campaign: "Campaign", role: str, main: Callable[[Process, asyncio.Event], Coroutine[Any, Any, None]]
    ) -> None:
        self.role = role
        self.name = f"{role}{len(campaign.members)}"
        self.wanted = True
        self.process: Process | None = None
        self._campaign = campaign
        self.main = main
        self._starts = 0
        self._stopping = asyncio.Event()
        self.start()

    @property
    def up(self) -> bool:
        """Whether a process is there and runs."""
        return self.process is not None and self.process.alive and not self.process.paused

    def start(self) -> None:
        """Starts the process."""
        if not self.wanted or (self.process is not None and self.process.alive):
            return
        self._starts += 1
        process = self.process = Process(self._campaign.world, f"{self.name}#{self._starts}")
        self._stopping = asyncio.Event()
        self._campaign.world.note(f"{process.name} starts")
        task = process.create_task(self.main(process, self._stopping))
        task.add_done_callback(lambda task: self._campaign.world.after(0.0, self._ended, process, task))

    def stop(self) -> None:
        """Asks the process to end, and starts no other."""
        self.wanted = False
        self._stopping.set()

    def crash(self) -> None:
        """Kills the process; another one is started in its place."""
        process, world = self.process, self._campaign.world
        if process is None or not process.alive:
            return
        world.note(f"{process.name} is killed")
        self._gone(process)

    def pause(self, seconds: float) -> None:
        """Stops the process for a while, in the middle of whatever it does."""
        process, world = self.process, self._campaign.world
        if process is None or not process.alive or process.paused:
            return
        world.note(f"{process.name} is stopped for {seconds:.2f} s")
        process.pause()
        until = world.now + seconds
        world.after(SESSION_SECONDS, self._silent, process, until)
        for database in self._campaign.site.databases:
            world.after(database.idle_seconds, self._idle, process, database, until)
        world.after(seconds, self._wake, process)

    def _silent(self, process: Process, until: float) -> None:
        if process.alive and process.paused and self._campaign.world.now < until:
            self._campaign.site.cluster.silent(process)

    def _idle(self, process: Process, database: Database, until: float) -> None:
        if process.alive and process.paused and self._campaign.world.now < until:
            database.client_is_silent(process)
            # A lock that it waited for may have come meanwhile, and begun its idle time.
            self._campaign.world.after(database.idle_seconds, self._idle, process, database, until)

    def _wake(self, process: Process) -> None:
        if process.alive:
            self._campaign.world.note(f"{process.name} wakes")
            process.resume()
            self._campaign.site.cluster.woken(process)

    def _ended(self, process: Process, task: "asyncio.Task[None]") -> None:
        if not process.alive:
            return
        error = task.exception()
        self._campaign.world.note(f"{process.name} ends: {error!r}")
        if error is not None and not isinstance(error, self._campaign.allowed):
            self._campaign.failures.append(f"{process.name} died of {error!r}")
        self._gone(process)

    def _gone(self, process: Process) -> None:
        world, site = self._campaign.world, self._campaign.site
        process.crash()
        for database in site.databases:
            world.after(world.latency(), database.client_is_gone, process)
        world.after(SESSION_SECONDS, site.cluster.silent, process)
        world.after(world.chance.uniform(0.05, 0.5), self.start)


class Campaign:
    """One schedule."""

    def __init__(
        self,
        seed: int,
        *,
        pieces: Pieces | None = None,
        faults: Mapping[str, int] = FAULTS,
        tracing: bool = False,
    ) -> None:
        """pieces: the production code, unless a variant stands in; faults: their kinds with their weights."""
        self.world = world = World(seed, tracing=tracing)
        self.chance = chance = world.chance
        choices = [(SURVEY_SUBMITTED,), (VOLUNTEER_REGISTERED,), (SURVEY_SUBMITTED, VOLUNTEER_REGISTERED)]
        streams = chance.choices(choices, [8, 3, 1])[0]
        cluster = Cluster(world)
        self.site = Site(
            world,
            cluster,
            Database(world, "survey", idle_seconds=chance.choice([0.5, LOCK_SECONDS, 3.0])),
            Database(world, "registration", idle_seconds=chance.choice([0.5, LOCK_SECONDS, 3.0])),
            Database(world, "reporting"),
            pieces or Pieces(),
            partitions=chance.choice([1, 2, 2, 3]),
            max_records=chance.choice([2, 4, 8]),
            streams=streams,
        )
        cluster.batch_records = chance.choice([1, 2, 4])
        self.failures: list[str] = []
        self.allowed: tuple[type[BaseException], ...] = (PublishFailed,)
        self.recreated: set[str] = set()
        self.accepted: set[UUID] = set()
        self.offered: set[UUID] = set()
        self.changes = 0
        self.members: list[Member] = []
        self.struck: Counter[str] = Counter()
        self._open = 0
        self._intake: tuple[Process, Intake] | None = None
        self._registration: tuple[Process, Any] | None = None
        self._at_rest_since: float | None = None
        self._over = False
        self._verdict: list[str] = []
        for kind in self.topics:
            cluster.create(kind.name, self.site.partitions)
        self._plan(faults)
        self._begin()

    @property
    def topics(self) -> Sequence[Topic]:
        """The topics in play."""
        return ((SURVEY_INTAKE,) if SURVEY_SUBMITTED in self.site.streams else ()) + tuple(self.site.streams)

    def run(self) -> None:
        """Runs the schedule; raises `Failure`."""
        try:
            self.world.run(self._each_step, MOST_STEPS)
        except Stuck as error:
            raise Failure(f"{error}; {self._state()}") from None
        finally:
            self.world.end()
        if self.failures:
            raise Failure("; ".join(self.failures))

    # What happens by itself.

    def _begin(self) -> None:
        chance, world = self.chance, self.world
        members: list[tuple[str, Any]] = []
        if SURVEY_SUBMITTED in self.site.streams:
            members.append(("intake", partial(processes.run_intake, self.site, opened=self._intake_opened)))
            members += [("recorder", partial(processes.run_recorder, self.site))] * chance.choice([1, 2, 2])
            offers = chance.sample(OFFERS, chance.randrange(6, 18))
            if chance.random() < 0.3:
                world.after(chance.random() * 1.5, self._erase, chance.choice(HOUSEHOLDS), UUID(int=1))
                self._open += 1
            offers.sort(key=lambda offer: offer.follows_up and chance.random() < 0.5)
            while offers:
                many = chance.choice([1, 1, 2, 4])
                world.after(chance.random() * 0.8, self._send, offers[:many], 0)
                self._open += 1
                del offers[:many]
            if chance.random() < 0.1:
                world.after(chance.random(), self._poison)
        if VOLUNTEER_REGISTERED in self.site.streams:
            members += [("relay", partial(processes.run_relay, self.site))] * chance.choice([1, 2])
            members.append(("registration", self._run_registration))
            for _ in range(chance.randrange(4, 10)):
                world.after(chance.random() * 1.5, self._change, chance.randrange(1, 5))
        members += [("projector", partial(processes.run_projector, self.site))] * chance.choice([1, 1, 2])
        for name, main in members:
            self.members.append(Member(self, name, main))
        world.after(0.1, self._look)

    def _intake_opened(self, process: Process, intake: Intake) -> None:
        self._intake = (process, intake)

    async def _run_registration(self, process: Process, stopping: asyncio.Event) -> None:
        self._registration = (process, self.site.pool(self.site.registration, process))
        await stopping.wait()

    def _change(self, volunteer: int) -> None:
        self.changes += 1
        if self._registration is None or not self._registration[0].alive:
            return
        process, pool = self._registration
        event_id = UUID(int=self.changes)
        process.create_task(processes.change_volunteer(self.site, pool, volunteer, self.site.clock(), event_id))

    def _poison(self) -> None:
        if SURVEY_INTAKE.name in self.site.cluster.topics:
            batch = Batch(1)
            batch.append(key=None, value=b"\xff", timestamp=0, headers=[])
            self.site.cluster.append(SURVEY_INTAKE.name, 0, batch, "somebody")

    def _send(self, offers: Sequence[Offer], attempts: int) -> None:
        """A phone sends a batch."""
        self.offered |= {offer.submission_id for offer in offers}
        answered = [False]
        if self._intake is not None and self._intake[0].alive:
            process, intake = self._intake
            process.create_task(self._accept(process, intake, offers, answered))
        seconds = self.chance.uniform(0.2, 1.2) if self._intake is not None else 0.1
        self.world.after(seconds, self._unanswered, offers, attempts, answered)

    async def _accept(self, process: Process, intake: Intake, offers: Sequence[Offer], answered: list[bool]) -> None:
        answers = []
        for follows_up, group in groupby(offers, key=lambda offer: offer.follows_up):
            accept = intake.accept_follow_ups if follows_up else intake.accept
            answers += await accept([offer.body for offer in group], VOLUNTEER)
        if self.chance.random() < 0.9:  # else the answer is lost on its way to the phone
            self.world.after(self.world.latency(), self._answered, offers, answers, answered)

    def _erase(self, household_id: UUID, erasure_id: UUID) -> None:
        """Somebody has a household forgotten, and tries until it is known that it will be."""
        if erasure_id in self.accepted:
            return
        self.offered.add(erasure_id)
        if self._intake is not None and self._intake[0].alive:
            process, intake = self._intake
            process.create_task(self._have_erased(intake, household_id, erasure_id))
        self.world.after(self.chance.uniform(0.5, 1.5), self._erase, household_id, erasure_id)

    async def _have_erased(self, intake: Intake, household_id: UUID, erasure_id: UUID) -> None:
        area = household_id.hex[:6]
        if await intake.erase(household_id, area, VOLUNTEER.subject, erasure_id=erasure_id):
            self.world.after(self.world.latency(), self._erased, erasure_id)

    def _erased(self, erasure_id: UUID) -> None:
        if erasure_id not in self.accepted:
            self.accepted.add(erasure_id)
            self._open -= 1

    def _answered(self, offers: Sequence[Offer], answers: Sequence[Answer], answered: list[bool]) -> None:
        for answer in answers:
            if answer.status == 202 and answer.submission_id is not None:
                self.accepted.add(answer.submission_id)
            elif answer.status != 503:
                self.failures.append(f"intake answers {answer.status}: {answer.errors}")
        if answered[0] or any(answer.status != 202 for answer in answers):
            return
        answered[0] = True
        if self.chance.random() < SEND_AGAIN:
            self.world.after(self.chance.random() * 0.5, self._send, offers, 0)
        else:
            self._open -= 1

    def _unanswered(self, offers: Sequence[Offer], attempts: int, answered: list[bool]) -> None:
        if answered[0]:
            return
        answered[0] = True  # an answer that comes later finds nobody waiting
        if self.chance.random() < GIVE_UP:
            self._open -= 1
        else:
            self._send(offers, attempts + 1)

    # What goes wrong.

    def _plan(self, faults: Mapping[str, int]) -> None:
        number = self.chance.choice([1, 2, 2, 3, 3, 6])
        kinds = self.chance.choices(list(faults), list(faults.values()), k=number) if faults else []
        self._coming = sorted((int(self.chance.random() ** 1.3 * BUSY_STEPS), kind) for kind in kinds)

    def _each_step(self) -> bool:
        if self._coming and self.world.steps >= self._coming[0][0]:
            _, kind = self._coming.pop(0)
            self.world.note(f"fault: {kind}")
            self.struck[kind] += 1
            getattr(self, f"_{kind}")()
        return self._over

    def _target(self, *names: str) -> Member | None:
        members = [member for member in self.members if member.up and (not names or member.role in names)]
        return self.chance.choice(members) if members else None

    def _crash(self) -> None:
        member = self._target()
        if member is not None:
            member.crash()

    def _crash_all(self) -> None:
        for member in self.members:
            member.crash()

    def _pause(self) -> None:
        member = self._target()
        if member is not None:
            member.pause(self.chance.choice([self.chance.uniform(0.02, 1.0), self.chance.uniform(0.8, 4.0)]))

    def _cut_sessions(self) -> None:
        database = self.chance.choice(self.site.databases)
        for session in list(database.sessions):
            database.terminate(session)

    def _lose_commit(self) -> None:
        self.chance.choice(self.site.databases).trouble.commits.append("before")

    def _lose_commit_answer(self) -> None:
        self.chance.choice(self.site.databases).trouble.commits.append("after")

    def _trouble_produce(self, what: str) -> None:
        topic = self.chance.choice(self.topics).name
        self.site.cluster.trouble.produce.setdefault(topic, deque()).append(what)

    def _batch_late(self) -> None:
        self._trouble_produce("late")

    def _batch_unacknowledged(self) -> None:
        self._trouble_produce("unacknowledged")

    def _batch_refused(self) -> None:
        self._trouble_produce("refused")

    def _identities_unknown(self) -> None:
        self.site.cluster.trouble.identities += 2

    def _add_member(self) -> None:
        old = self._target("recorder", "projector", "relay")
        if old is not None:
            self.members.append(Member(self, old.role, old.main))

    def _remove_member(self) -> None:
        member = self._target("recorder", "projector", "relay")
        if member is not None:
            others = [one for one in self.members if one.wanted and one.role == member.role]
            if len(others) > 1:
                member.stop()

    def _rebalance(self) -> None:
        for group in self.site.cluster.groups.values():
            group.rebalance()

    def _grow(self) -> None:
        """The survey's topics are given twice as many partitions, that of intake a moment after that of the events;
        intake hears of it late or, until it is started again, never."""
        if SURVEY_SUBMITTED.name in self.site.cluster.topics:
            self._give_more(SURVEY_SUBMITTED.name)
            self.world.after(self.chance.random() * 0.3, self._give_more, SURVEY_INTAKE.name)
            if self.chance.random() < 0.8:
                self.world.after(self.chance.random() * 0.6, self._learn)

    def _give_more(self, name: str) -> None:
        if name in self.site.cluster.topics:
            self.site.cluster.grow(name, 2 * self.site.partitions)

    def _learn(self) -> None:
        if self._intake is not None and self._intake[0].alive:
            process, intake = self._intake
            process.create_task(intake.learn())

    def _recreate(self) -> None:
        self._make_anew(self.chance.choice(self.topics).name, self.chance.random())

    def _pause_and_recreate(self) -> None:
        """A process hangs while the topic that it reads is made anew, and others take its work over."""
        member = self._target("recorder", "projector")
        if member is not None:
            member.pause(self.chance.uniform(1.5, 4.0))
            name = SURVEY_INTAKE.name if member.role == "recorder" else self.chance.choice(self.site.streams).name
            self._make_anew(name, 0.0)

    def _make_anew(self, name: str, seconds: float) -> None:
        if name not in self.site.cluster.topics:
            return
        self.allowed = (PublishFailed, RecordsMissing)
        self.recreated.add(name)
        partitions = self.site.cluster.delete(name)
        self.world.after(seconds, self.site.cluster.create, name, partitions)

    # Whether it is over.

    def _look(self) -> None:
        """Looks every tenth of a second whether everything is at rest, and judges when it is."""
        world = self.world
        if not self._coming or world.steps > self._coming[-1][0]:
            self.site.cluster.trouble.produce.clear()
        if self.failures:
            self._over = True
            return
        if world.now > PATIENCE_SECONDS:
            self.failures.append(f"no rest: {self._state()}; {self._verdict}")
            self._over = True
            return
        if not self._at_rest():
            self._at_rest_since = None
        elif self._at_rest_since is None:
            self._at_rest_since = world.now
        elif world.now - self._at_rest_since > REST_SECONDS:
            self._verdict = problems(self)
            if not self._verdict:
                self._over = True
                return
            if world.now - self._at_rest_since > 15:
                self.failures += self._verdict
                self._over = True
                return
        world.after(0.1, self._look)

    def _at_rest(self) -> bool:
        site = self.site
        if self._open or site.cluster.under_way or len(site.cluster.topics) < len(self.topics):
            return False
        if any(member.wanted and not member.up for member in self.members):
            return False
        if any(process.alive and process.paused for process in self.world.processes):
            return False
        for kind in self.topics:
            database = site.survey if kind is SURVEY_INTAKE else site.reporting
            topic = site.cluster.topics[kind.name]
            for partition, log in enumerate(topic.logs):
                row = database.tables["consumer_position"].get((kind.name, partition))
                if row is None or row["topic_id"] != topic.topic_id or row["next_offset"] != len(log):
                    return False
        return all(row["published_at"] is not None for row in site.registration.tables["outbox"].values())

    def _state(self) -> str:
        up = [member.process.name for member in self.members if member.process is not None and member.up]
        positions = [
            (*key, row["next_offset"])
            for database in self.site.databases
            for key, row in database.tables["consumer_position"].items()
        ]
        return (
            f"{self._open} phones at work, {self.site.cluster.under_way} batches under way, up: {up}, "
            f"positions: {positions}"
        )
