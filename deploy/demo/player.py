"""Plays a campaign through the public interfaces, as organisations, coordinators, volunteers and their phones would.

Every step may be repeated without harm: places and submissions carry ids of their own, people are found again by their
phone numbers, decisions that were made already change nothing, and an organisation entered twice stays without members.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from deploy.demo.campaign import opening
from deploy.demo.client import CONNECTIONS, Client, Patience, Session, SmsSink, by_one_time_code
from deploy.demo.display import Display, Phase
from deploy.demo.help import Caller
from deploy.demo.plan import Batch, Coordinator, Json, Place, Plan, Refusal, Submission, Volunteer, Wave
from deploy.demo.truth import rolled_up
from deploy.demo.visits import BANGKOK
from deploy.local.addresses import Addresses
from deploy.trouble import Trouble
from shared.contracts.events import VolunteerStatus

TARGETS_SOURCE: Final = "Jitasa demo (made-up targets)"
WORKERS: Final = 2 * CONNECTIONS
"""Twice as many as connections, so that none of these waits for a worker that waits for a token."""
AGAIN: Final = frozenset({429, 503})
"""The status of an item that is to be sent again, with the same id."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to each item sent, in the order sent."""

    items: Sequence[dict[str, Any]]
    retry_after: str | None = None


@dataclass(slots=True)
class Played:
    """What was sent, and what was answered otherwise than it should have been."""

    sent: int = 0
    accepted: int = 0
    accepted_ids: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    surprises: list[str] = field(default_factory=list)


async def claim_run(client: Client, addresses: Addresses, administrator: Session) -> int:
    """The first number that no run on this stack has claimed: this run is the one that entered its opening place.

    When the answer is lost, the repetition finds the place entered and takes the next number; no harm is done.
    """
    run = 1
    while True:
        answer = await client.send(
            "POST", f"{addresses.facilities}/v1/facilities", body=opening(run), session=administrator
        )
        if answer.status_code == 201:
            return run
        if answer.status_code != 200:
            raise _refused(answer)
        run += 1


class Player:
    """One run of a plan."""

    def __init__(
        self, plan: Plan, client: Client, addresses: Addresses, administrator: Session, display: Display
    ) -> None:
        self.played = Played()
        self._plan = plan
        self._client = client
        self._addresses = addresses
        self._administrator = administrator
        self._display = display
        sink = SmsSink(addresses.sms_sink)
        self._caller = Caller(client, addresses, sink)
        self._coordinators = [
            by_one_time_code(client, addresses.registration, sink, coordinator.phone)
            for coordinator in plan.coordinators
        ]
        self._volunteers = [
            by_one_time_code(client, addresses.registration, sink, volunteer.phone) for volunteer in plan.volunteers
        ]
        self._organisation_ids: dict[int, str] = {}
        self._volunteer_ids: dict[str, str] = {}

    async def play(self) -> Played:
        """Play everything, in the order in which a campaign goes."""
        await self._register()
        await self._set_targets()
        await self._enter_places()
        for wave in self._plan.waves:
            await self._send_wave(wave)
        await self._help()
        await self._suspend()
        return self.played

    # Who takes part

    async def _register(self) -> None:
        plan = self._plan
        with self._display.phase("organisations", len(plan.organisations)) as phase:
            await self._each(phase, range(len(plan.organisations)), self._add_organisation)
        with self._display.phase("coordinators", len(plan.coordinators)) as phase:
            await self._each(phase, range(len(plan.coordinators)), self._appoint)
        by_organisation: defaultdict[int, list[Volunteer]] = defaultdict(list)
        by_coordinator: defaultdict[int, list[Volunteer]] = defaultdict(list)
        for volunteer in plan.volunteers:
            by_organisation[volunteer.organisation].append(volunteer)
            by_coordinator[volunteer.coordinator].append(volunteer)
        with self._display.phase("volunteers", len(plan.volunteers)) as phase:
            await self._each(
                phase,
                by_organisation.items(),
                lambda item: self._sign_up(item[0], item[1]),
                steps=lambda item: len(item[1]),
            )
        approved = sum(volunteer.status is not VolunteerStatus.PENDING for volunteer in plan.volunteers)
        with self._display.phase("approvals", approved) as phase:
            await self._each(
                phase,
                by_coordinator.items(),
                lambda item: self._approve(item[0], item[1]),
                steps=lambda item: sum(one.status is not VolunteerStatus.PENDING for one in item[1]),
            )
        senders = sorted({batch.volunteer for wave in plan.waves for batch in wave.batches})
        with self._display.phase("sign-ins", len(senders)) as phase:
            await self._each(phase, senders, self._sign_in)

    async def _add_organisation(self, index: int) -> None:
        organisation = self._plan.organisations[index]
        answer = await self._registration(
            "POST",
            "/v1/organisations",
            {"name": organisation.name, "kind": str(organisation.kind), "area": organisation.area},
            self._administrator,
        )
        self._organisation_ids[index] = answer["organisation_id"]

    async def _appoint(self, index: int) -> None:
        coordinator: Coordinator = self._plan.coordinators[index]
        await self._registration(
            "POST",
            "/v1/appointments",
            {
                "name": coordinator.name,
                "phone": coordinator.phone,
                "role": str(coordinator.role),
                "area": coordinator.area,
                "organisation_id": self._organisation_ids[coordinator.organisation],
            },
            self._administrator,
        )

    async def _sign_up(self, organisation: int, volunteers: Sequence[Volunteer]) -> None:
        path = f"/v1/organisations/{self._organisation_ids[organisation]}/group-codes"
        code = (await self._registration("POST", path, {}, self._administrator))["code"]
        for volunteer in volunteers:
            await self._registration(
                "POST",
                "/v1/volunteers",
                {
                    "group_code": code,
                    "name": volunteer.name,
                    "phone": volunteer.phone,
                    "national_id": volunteer.national_id,
                    "area": volunteer.area,
                },
                None,
            )

    async def _approve(self, index: int, volunteers: Sequence[Volunteer]) -> None:
        """Find the volunteers among those who wait, by their numbers, as a coordinator does, and approve them."""
        coordinator = self._coordinators[index]
        wanted = {volunteer.phone: volunteer for volunteer in volunteers}
        for status in (VolunteerStatus.PENDING, VolunteerStatus.APPROVED):  # approved: an answer was lost
            cursor: str | None = ""
            while cursor is not None:
                params = {"status": str(status)} | ({"cursor": cursor} if cursor else {})
                page = await self._registration("GET", "/v1/volunteers", None, coordinator, params)
                for listed in page["volunteers"]:
                    if listed["phone"] in wanted:
                        self._volunteer_ids[listed["phone"]] = listed["volunteer_id"]
                cursor = page["cursor"]
            if all(phone in self._volunteer_ids for phone in wanted):
                break
        for volunteer in volunteers:
            if volunteer.status is not VolunteerStatus.PENDING:
                path = f"/v1/volunteers/{self._volunteer_ids[volunteer.phone]}/approval"
                await self._registration("POST", path, {}, coordinator)

    async def _sign_in(self, volunteer: int) -> None:
        await self._volunteers[volunteer].token()

    async def _help(self) -> None:
        calls = self._plan.calls
        with self._display.phase("help", len(calls)) as phase:
            await self._each(phase, calls, lambda call: self._caller.play(call, self._volunteers[call.volunteer]))

    async def _suspend(self) -> None:
        suspended = [v for v in self._plan.volunteers if v.status is VolunteerStatus.SUSPENDED]
        with self._display.phase("suspensions", len(suspended)) as phase:
            await self._each(phase, suspended, self._suspend_one)

    async def _suspend_one(self, volunteer: Volunteer) -> None:
        path = f"/v1/volunteers/{self._volunteer_ids[volunteer.phone]}/suspension"
        reason: Json = {"reason": "บันทึกข้อมูลโดยไม่ได้ไปเยี่ยมบ้าน"}
        await self._registration("POST", path, reason, self._coordinators[volunteer.coordinator])

    async def _registration(
        self, method: str, path: str, body: Json | None, session: Session | None, params: dict[str, str] | None = None
    ) -> dict[str, Any]:
        url = f"{self._addresses.registration}{path}"
        answer = await self._client.send(method, url, body=body, session=session, params=params)
        if answer.status_code not in (200, 201):
            raise _refused(answer)
        document: dict[str, Any] = answer.json()
        return document

    # Denominators and places

    async def _set_targets(self) -> None:
        """Targets of the chosen subdistricts, and their sums above: nobody set a target for the others."""
        plan = self._plan
        tables = {"houses": plan.targets, "population": plan.residents}
        with self._display.phase("targets", len(tables)) as phase:
            for kind, values in tables.items():
                totals = rolled_up({area: Counter({"value": value}) for area, value in values.items()})
                body: Json = {
                    "kind": kind,
                    "source": TARGETS_SOURCE,
                    "dated": plan.now.astimezone(BANGKOK).date().isoformat(),
                    "rows": [{"area": area, "value": total["value"]} for area, total in sorted(totals.items())],
                }
                url = f"{self._addresses.reporting}/v1/denominators"
                answer = await self._client.send("PUT", url, body=body, session=self._administrator)
                if not answer.is_success:
                    raise _refused(answer)
                phase.advance()

    async def _enter_places(self) -> None:
        with self._display.phase("places", len(self._plan.places)) as phase:
            await self._each(phase, self._plan.places, self._enter_place)

    async def _enter_place(self, place: Place) -> None:
        session = self._coordinators[place.coordinator]
        places = f"{self._addresses.facilities}/v1/facilities"
        url = f"{places}/{place.facility_id}"
        body = place.body | {"facility_id": place.facility_id}
        answer = await self._client.send("POST", places, body=body, session=session)
        if answer.status_code not in (200, 201):
            raise _refused(answer)
        if place.later is not None:
            await self._update_place(url, answer, place.body | {"status": str(place.later)}, session)
        if place.confirmed:
            answer = await self._client.send("POST", f"{url}/confirmation", session=session)
            if answer.status_code != 200:
                raise _refused(answer)

    async def _update_place(self, url: str, seen: httpx.Response, body: Json, session: Session) -> None:
        """Change the revision that was seen. Another one in the meantime is our own, whose answer was lost."""
        answer = await self._client.send(
            "PUT", url, body=body, session=session, headers={"if-match": seen.headers["etag"]}
        )
        if answer.status_code == 412:
            answer = await self._client.send("GET", url)
        if answer.status_code != 200 or answer.json()["status"] != body["status"]:
            raise _refused(answer)

    # Submissions

    async def _send_wave(self, wave: Wave) -> None:
        with self._display.phase(f"visits: {wave.name}", wave.submissions) as phase:
            await self._each(phase, wave.batches, self._send_batch, steps=lambda batch: len(batch.submissions))

    async def _send_batch(self, batch: Batch) -> None:
        """Send until every item has its final answer. What is to be sent again is sent again, with the same id."""
        session = self._volunteers[batch.volunteer]
        left = list(batch.submissions)
        self.played.sent += len(left)
        patience = Patience("A batch of submissions")
        while left:
            results = await (self._send_one(left[0], session) if batch.single else self._send_many(left, session))
            again = []
            for submission, result in zip(left, results.items, strict=True):
                if result["status"] in AGAIN:
                    again.append(submission)
                else:
                    self._note(submission, result)
            self.played.repeated += len(again)
            if again:
                await patience.wait("items are to be sent again", results.retry_after)
            left = again

    async def _send_one(self, submission: Submission, session: Session) -> Results:
        url = f"{self._addresses.survey}/v1/submissions"
        answer = await self._client.send("POST", url, body=submission.body, session=session)
        return Results([{**_document(answer), "status": answer.status_code}])

    async def _send_many(self, submissions: Sequence[Submission], session: Session) -> Results:
        url = f"{self._addresses.survey}/v1/submissions:batch"
        body = b'{"submissions":[' + b",".join(submission.body for submission in submissions) + b"]}"
        answer = await self._client.send("POST", url, body=body, session=session)
        if answer.status_code != 207:
            raise _refused(answer)
        return Results(answer.json()["results"], answer.headers.get("retry-after"))

    def _note(self, submission: Submission, result: dict[str, Any]) -> None:
        if result["status"] == 202 and submission.refusal is None:
            self.played.accepted += 1
            self.played.accepted_ids.add(submission.submission_id)
        elif submission.refusal is not None and _is(submission.refusal, result):
            self.played.refused[submission.refusal.code] += 1
        else:
            expected = submission.refusal or "202"
            self.played.surprises.append(f"submission {submission.submission_id}: expected {expected}, got {result}")

    async def _each(
        self,
        phase: Phase,
        items: Iterable[T],
        work: Callable[[T], Awaitable[None]],
        *,
        steps: Callable[[T], int] = lambda _: 1,
    ) -> None:
        """Do the work for all items, several at once. The first that fails ends the others."""
        queue = list(items)[::-1]

        async def worker() -> None:
            while queue:
                item = queue.pop()
                await work(item)
                phase.advance(steps(item))

        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(worker())


def _is(refusal: Refusal, result: dict[str, Any]) -> bool:
    errors = [(error["path"], error["code"]) for error in result.get("errors") or ()]
    return bool(result["status"] == refusal.status and errors == [(refusal.path, refusal.code)])


def _document(answer: httpx.Response) -> dict[str, Any]:
    document = answer.json() if answer.content else {}
    return document if isinstance(document, dict) else {}


def _refused(answer: httpx.Response) -> Trouble:
    request = answer.request
    return Trouble(
        f"{request.method} {request.url} was answered HTTP {answer.status_code}, which the demo did not expect:\n"
        f"{answer.text[:500]}",
        f"{request.method} {request.url} ตอบ HTTP {answer.status_code} ซึ่งไม่ตรงกับที่คาดไว้",
    )
