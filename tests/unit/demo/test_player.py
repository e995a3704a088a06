"""The player against services that lose answers, are full, or answer otherwise than expected."""

import json
from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from deploy.demo.client import Client, Session, Token
from deploy.demo.display import Display
from deploy.demo.plan import Batch, Plan, Refusal, Submission, Volunteer, Wave
from deploy.demo.player import Player, claim_run
from deploy.local.addresses import Addresses
from deploy.trouble import Trouble
from shared.contracts.events import VolunteerStatus

NOW = datetime(2022, 1, 15, tzinfo=UTC)
ADDRESSES = Addresses("http://r", "http://s", "http://f", "http://p", Path("nowhere"), "id", "secret")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_: float) -> None:
        return

    monkeypatch.setattr("deploy.demo.client.sleep", sleep)


async def _token() -> Token:
    return Token("t", float("inf"))


def campaign(*batches: Batch) -> Plan:
    volunteer = Volunteer(0, 0, "ก", "0800000001", None, "5001", VolunteerStatus.APPROVED)
    return Plan(1, 1, NOW, (), (), (volunteer,), (), (Wave("first", batches),), {}, {}, ())


def submission(number: int, refusal: Refusal | None = None) -> Submission:
    return Submission(str(number), number, NOW, json.dumps({"submission_id": str(number)}).encode(), refusal)


async def played(handle: Any, *batches: Batch) -> Player:
    async with Client(transport=httpx.MockTransport(handle)) as client:
        player = Player(campaign(*batches), client, ADDRESSES, Session(_token), Display(Console(file=StringIO())))
        player._volunteers = [Session(_token)]
        await player._send_wave(player._plan.waves[0])
        return player


async def test_items_that_are_to_come_again_come_again_with_the_same_id_and_alone() -> None:
    seen: list[list[str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        ids = [one["submission_id"] for one in json.loads(request.content)["submissions"]]
        seen.append(ids)
        busy = {"1": 429, "2": 503} if len(seen) == 1 else {}
        return httpx.Response(
            207, json={"results": [{"submission_id": i, "status": busy.get(i, 202), "errors": []} for i in ids]}
        )

    player = await played(handle, Batch(0, tuple(map(submission, range(4)))))
    assert seen == [["0", "1", "2", "3"], ["1", "2"]]
    assert player.played.accepted_ids == {"0", "1", "2", "3"}
    assert (player.played.sent, player.played.accepted, player.played.repeated) == (4, 4, 2)
    assert player.played.surprises == []


async def test_refusals_must_be_exactly_those_expected() -> None:
    unknown = Refusal(400, "address.area", "unknown_area")

    def handle(request: httpx.Request) -> httpx.Response:
        errors = [{"path": "address.area", "code": "unknown_area", "message": "…"}]
        results = [
            {"submission_id": "0", "status": 400, "errors": errors},
            {"submission_id": "1", "status": 400, "errors": errors},
            {"submission_id": "2", "status": 202, "errors": []},
            {"submission_id": "3", "status": 400, "errors": errors * 2},
        ]
        return httpx.Response(207, json={"results": results})

    items = (submission(0, unknown), submission(1), submission(2, unknown), submission(3, unknown))
    player = await played(handle, Batch(0, items))
    assert player.played.refused == Counter(unknown_area=1)
    assert player.played.accepted == 0
    assert [surprise.split(":")[0] for surprise in player.played.surprises] == [
        "submission 1",
        "submission 2",
        "submission 3",
    ]


async def test_a_single_one_is_refused_by_a_problem_document() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/submissions"
        errors = [{"path": "address.area", "code": "other_area", "message": "…"}]
        return httpx.Response(403, json={"status": 403, "code": "other_area", "errors": errors})

    refusal = Refusal(403, "address.area", "other_area")
    player = await played(handle, Batch(0, (submission(0, refusal),), single=True))
    assert player.played.refused == Counter(other_area=1)


async def test_an_unexpected_answer_to_a_batch_ends_the_demo_and_is_shown() -> None:
    with pytest.raises(ExceptionGroup) as group:
        await played(lambda request: httpx.Response(418, text="short and stout"), Batch(0, (submission(0),)))
    [trouble] = group.value.exceptions
    assert isinstance(trouble, Trouble)
    assert "short and stout" in trouble.en


async def test_a_run_takes_the_first_number_that_is_free() -> None:
    entered: set[str] = set()

    def handle(request: httpx.Request) -> httpx.Response:
        identity = json.loads(request.content)["facility_id"]
        known = identity in entered
        entered.add(identity)
        return httpx.Response(200 if known else 201)

    async with Client(transport=httpx.MockTransport(handle)) as client:
        assert [await claim_run(client, ADDRESSES, Session(_token)) for _ in range(3)] == [1, 2, 3]
