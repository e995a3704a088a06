"""Sealing keys change in a cluster, where each pod sees the Secret at another time: the steps of docs/kubernetes.md
("Keys and passwords"), with two pods of each service at work in every state between."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.catalogue import REGISTRATION, SURVEY, Service
from deploy.local.home import CHECKOUT, Home
from deploy.local.stack import Stack
from shared.areas.register import subdistricts
from shared.contracts.events import Role
from shared.security.tokens import TokenSigner
from tests.bench.setting import volunteer_token
from tests.faults import ledger
from tests.integration.deploy.mounted import Mounted
from tests.runtime import Runtime, running

SECOND_OF: Final[dict[str, tuple[Service, int]]] = {"registration-http": (REGISTRATION, 6), "survey-http": (SURVEY, 7)}
"""Processes of which there are two, and the second one's port."""
FIRST: Final = ("registration-http", "survey-http")
SECOND: Final = ("registration-http-2", "survey-http-2", "survey-keeper")
SURVEY_PODS: Final = ("survey-http", "survey-http-2")
REGISTRATION_PODS: Final = ("registration-http", "registration-http-2")
RING: Final = "ring"
VISITS: Final = 3
"""To each pod in each turn."""
TURNS: Final = 2
"""Of each service in each state."""
PAUSE_SECONDS: Final = 0.1
"""From one turn to the next: the work goes on beside what is tested, and leaves it a processor."""
PATIENCE_SECONDS: Final = 120.0
ADMIN: Final = {
    "survey": ("services.survey.privacy.admin", "survey-keys", "survey-keeper"),
    "registration": ("services.registration.key_admin", "registration-keys", "registration-http"),
}
"""By service: whose command it is, and in which pod it is given."""
SEALED: Final = {
    "survey": "SELECT DISTINCT key_id FROM submission",
    "registration": "SELECT DISTINCT key_id FROM sealed_field",
}
VISITS_RECORDED: Final = "SELECT count(*) FROM submission"


class Pods(Stack):
    """Two pods of each service, each with a ring of its own on its node."""

    def __init__(self, home: Home, port_base: int) -> None:
        super().__init__(home, port_base)
        for name, (service, offset) in SECOND_OF.items():
            (process,) = (each for each in service.processes if each.name == name)
            self._processes[f"{name}-2"] = service, replace(process, name=f"{name}-2", port_offset=offset)
        self.mounted = {name: Mounted(home.state / "nodes" / name) for name in (*FIRST, *SECOND)}
        self.secret = {"survey": self.secrets.sealing_keys, "registration": self.secrets.registration_sealing_keys}
        for name in self.mounted:
            self.show(name)

    def environment(self, process: str) -> dict[str, str]:
        """As always, with the ring of the pod's node."""
        told = super().environment(process)
        if process in self.mounted:
            told["JITASA_SEALING_KEYS_FILE"] = str(self.mounted[process].file(RING))
        return told

    def stop_services(self, names: Any = None) -> None:
        """Also the second ones."""
        super().stop_services(names)
        if names is None:
            super().stop_services([f"{name}-2" for name in SECOND_OF])

    def show(self, pod: str) -> None:
        """Let a pod's node show it the Secret as it is now."""
        self.mounted[pod].show(RING, self.secret[pod.partition("-")[0]].read_text())

    def address(self, pod: str) -> str:
        """Where a pod is asked."""
        return f"http://127.0.0.1:{self.port_base + self._find(pod)[1].port_offset}"


@dataclass(frozen=True)
class Person:
    """Who signed up, and under which name."""

    volunteer_id: str
    name: str


class Work:
    """Visits and sign-ups through each pod all the time, and each read through both."""

    def __init__(self, pods: Pods, client: httpx.AsyncClient) -> None:
        self._pods = pods
        self._client = client
        self._signer = TokenSigner.from_file(
            pods.secrets.signing_keys, issuer=pods.environment("survey-http")["JITASA_TOKEN_ISSUER"]
        )
        self._areas = (each.code for each in subdistricts())
        self._organisation = ""
        self._ending = False
        self._numbers = itertools.count(10_000_000)
        self.turns = {"survey": 0, "registration": 0}
        self.houses: dict[str, set[str]] = {}
        self.persons: list[Person] = []

    async def prepare(self) -> None:
        """Have an organisation, for which persons sign up."""
        body = {"name": "องค์การบริหารส่วนตำบล", "kind": "agency", "area": "50"}
        answer = await self._asked("POST", "registration-http", "/v1/organisations", self._everywhere(), json=body)
        self._organisation = answer["organisation_id"]

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Turn after turn of both services."""
        async with asyncio.TaskGroup() as group:
            for each in self.turns:
                group.create_task(self._repeat(each))
            yield
            self._ending = True

    async def more(self) -> None:
        """Wait until whole turns of both services have been done in the present state."""
        wanted = {each: number + 1 + TURNS for each, number in self.turns.items()}  # the one under way does not count
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(self.turns[each] < number for each, number in wanted.items()):
                await asyncio.sleep(0.02)

    async def read_everything(self) -> None:
        """Read everything that there is, through each pod."""
        for area in self.houses:
            await self._read_houses(area)
        for person in self.persons:
            await self._read_person(person)

    async def _repeat(self, service: str) -> None:
        while not self._ending:
            await (self._visit() if service == "survey" else self._sign_up())
            self.turns[service] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _visit(self) -> None:
        area, houses = next(self._areas), set[str]()
        token = volunteer_token(self._signer, 0)
        for pod in SURVEY_PODS:
            new = [f"{number}/{len(self.houses)}" for number in range(len(houses) + 1, len(houses) + 1 + VISITS)]
            body = {"submissions": [_visit(area, house) for house in new]}
            answer = await self._asked("POST", pod, "/v1/submissions:batch", token, json=body)
            assert {one["status"] for one in answer["results"]} == {202}, answer
            houses |= set(new)
        self.houses[area] = houses
        await self._read_houses(area)
        await self._read_houses(next(iter(self.houses)))

    async def _read_houses(self, area: str) -> None:
        token = self._token(Role.SUBDISTRICT_COORDINATOR, area)
        for pod in SURVEY_PODS:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:  # until the recorder has them
                    page = await self._asked("GET", pod, "/v1/houses", token, params={"area": area})
                    if len(page["items"]) == len(self.houses[area]):
                        break
                    await asyncio.sleep(0.02)
            assert {one["house"] for one in page["items"]} == self.houses[area], pod

    async def _sign_up(self) -> None:
        for pod in REGISTRATION_PODS:
            number = next(self._numbers)
            name = f"สมหญิง ใจดี{number}"
            body = {"name": name, "phone": f"08{number}", "area": "500101", "organisation_id": self._organisation}
            answer = await self._asked("POST", pod, "/v1/volunteers/assisted", self._everywhere(), json=body)
            self.persons.append(Person(answer["volunteer_id"], name))
            await self._read_person(self.persons[-1])
        await self._read_person(self.persons[0])

    async def _read_person(self, person: Person) -> None:
        for pod in REGISTRATION_PODS:
            path = f"/v1/volunteers/{person.volunteer_id}"
            assert (await self._asked("GET", pod, path, self._everywhere()))["name"] == person.name, pod

    async def _asked(self, method: str, pod: str, path: str, token: str, **arguments: Any) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        answer = await self._client.request(
            method, f"{self._pods.address(pod)}{path}", headers=headers, timeout=30, **arguments
        )
        assert answer.is_success, answer.text
        return answer.json()

    def _everywhere(self) -> str:
        return self._token(Role.CENTRAL_ADMINISTRATOR, "")

    def _token(self, role: Role, area: str) -> str:
        now = datetime.now(UTC)
        return self._signer.sign(
            subject=uuid4(),
            organisation=None,
            role=role,
            area=area,
            issued_at=now,
            expires_at=now + timedelta(minutes=15),
        )


def _visit(area: str, house: str) -> dict[str, Any]:
    return {
        "submission_id": str(uuid4()),
        "captured_at": datetime.now(UTC).isoformat(),
        "address": {"area": area, "house": house},
        "persons": [{"name": "ทดสอบ มีสุข", "age": 70, "sex": "m", "doses": [], "wants_vaccine": "no", "reasons": []}],
    }


class Rollout:
    """The operator, and the nodes, which follow him one after the other."""

    def __init__(self, pods: Pods, work: Work, client: httpx.AsyncClient) -> None:
        self._pods = pods
        self._work = work
        self._client = client

    def command(self, service: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Give a command of `jitasa admin` on a copy of the ring, which goes into the Secret as it is then."""
        module, task, pod = ADMIN[service]
        secret = self._pods.secret[service]
        return subprocess.run(
            [sys.executable, "-m", module, task, *words],
            env=self._pods.environment(pod) | {"JITASA_SEALING_KEYS_FILE": str(secret)},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    async def step(self, *words: str) -> None:
        """Change the ring of both services."""
        for service in ADMIN:
            done = await asyncio.to_thread(self.command, service, *words)
            assert done.returncode == 0, done.stderr

    async def reaches(self, pods: Sequence[str], expected: dict[str, str]) -> None:
        """The nodes of some pods show the Secret; wait until the pods have read it, and some work is done then."""
        for pod in pods:
            self._pods.show(pod)
        for pod in pods:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await self._known(pod) != expected:
                    await asyncio.sleep(0.05)
        await self._work.more()

    async def _known(self, pod: str) -> dict[str, str]:
        """A pod's keys and what each is for, as Prometheus is told."""
        answer = await self._client.get(f"{self._pods.address(pod)}/metrics")
        return {
            sample.labels["key"]: sample.labels["use"]
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if sample.name == "jitasa_sealing_keys"
        }


@pytest.fixture(scope="module")
def pods() -> Iterator[Pods]:
    """At work."""
    with running(Pods, [*FIRST, *SECOND, "survey-recorder"]) as pods:
        yield pods


async def _keys(pods: Pods) -> set[str]:
    """Under which keys anything is sealed."""
    return {row[0] for service, query in SEALED.items() for row in await ledger.rows(Runtime(pods), service, query)}


def _logs(pods: Pods) -> str:
    return "".join(path.read_text() for path in pods.home.logs.glob("*.log"))


def _as_if_old(pods: Pods) -> None:
    """Eight days go by, of which the ring alone tells."""
    for secret in pods.secret.values():
        ring = json.loads(secret.read_text())
        ring["since"] = {key: (datetime.now(UTC) - timedelta(days=8)).isoformat() for key in ring["since"]}
        secret.write_text(json.dumps(ring))


async def test_sealing_keys_follow_each_other_while_pods_differ(pods: Pods) -> None:
    async with httpx.AsyncClient() as client:
        work = Work(pods, client)
        await work.prepare()
        rollout = Rollout(pods, work, client)
        async with work.going_on():
            await work.more()
            assert await _keys(pods) == {"k1"}

            await rollout.step("add")
            for part in (FIRST, SECOND):
                await rollout.reaches(part, {"k1": "seals", "k2": "opens"})
            assert await _keys(pods) == {"k1"}

            await rollout.step("use", "k2")
            for part in (FIRST, SECOND):
                await rollout.reaches(part, {"k1": "opens", "k2": "seals"})
            refused = await asyncio.to_thread(rollout.command, "survey", "retire", "k1")
            assert refused.returncode == 1, refused.stdout
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await _keys(pods) != {"k2"}:
                    await asyncio.sleep(0.1)

            _as_if_old(pods)
            await rollout.step("retire", "k1")
            for part in (FIRST, SECOND):
                await rollout.reaches(part, {"k2": "seals"})
        await work.read_everything()
        assert await ledger.value(Runtime(pods), "survey", VISITS_RECORDED) == sum(map(len, work.houses.values()))
        logs = await asyncio.to_thread(_logs, pods)
        assert "seal_broken" not in logs
        assert "unreadable" not in logs
