"""Devices with OpenRosa apps: their keys, what they fetch, what they send, and what they are told."""

import asyncio
import csv
import io
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import zxingcpp
from PIL import Image

from services.survey.openrosa import setting_up
from services.survey.openrosa.http import callers
from services.survey.openrosa.keys import KEPT_DAYS, MOST_KEYS, KeyKeeping
from services.survey.openrosa.parts import MOST_PARTS
from services.survey.openrosa.reading import MAX_FORM_BYTES
from services.survey.processes.keeper import duties
from shared.observability.clock import MovableClock
from shared.postgres.throttle import Limit
from shared.web.authentication import Authentication
from tests.integration.survey.conftest import NOW, Survey, Tokens
from tests.integration.survey.openrosa.collect import Collect
from tests.integration.survey.openrosa.forms import filled

KEYS = "/v1/openrosa-keys"


def by(role: str = "volunteer", area: str = "50", subject: int = 7, language: str = "en") -> dict[str, str]:
    """The headers of somebody who is signed in."""
    return {"Authorization": f"Bearer {role}@{area}@{subject}", "Accept-Language": language}


class Movements(Tokens):
    """Who is suspended, and who has moved since when."""

    def __init__(self) -> None:
        self.barred: set[UUID] = set()
        self.moved: dict[UUID, datetime] = {}

    def is_barred(self, subject: UUID) -> bool:
        """Whether somebody is suspended."""
        return subject in self.barred

    def has_left(self, subject: UUID, role: str, area: str) -> bool:
        """Nobody's token is affected here."""
        return False

    def moved_since(self, subject: UUID, moment: datetime) -> bool:
        """Whether somebody has moved after a moment."""
        return subject in self.moved and self.moved[subject] > moment


@dataclass
class Desk:
    """The survey's routes, and who stands how."""

    survey: Survey
    http: httpx.AsyncClient
    movements: Movements

    async def key(self, **who: Any) -> dict[str, Any]:
        """A new key of somebody."""
        made = await self.http.post(KEYS, headers=by(**who), json={"label": "โทรศัพท์"})
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def device(self, *, language: str = "en", **who: Any) -> Collect:
        """A device that has been set up by a new key."""
        return Collect(self.http, (await self.key(**who))["server_url"], language=language)


@pytest.fixture
async def desk(survey: Survey) -> AsyncIterator[Desk]:
    async with survey.client() as http:
        transport: Any = http._transport
        movements = Movements()
        transport.app._app.state.authentication = Authentication(movements, movements, movements)
        yield Desk(survey, http, movements)


async def test_a_key_is_shown_once_listed_and_ended(desk: Desk) -> None:
    made = await desk.key()
    assert made["ends_at"] == "2022-05-06T03:00:00Z"
    [listed] = (await desk.http.get(KEYS, headers=by())).json()["keys"]
    assert (listed["label"], listed["state"], listed["area"], listed["used_on"]) == ("โทรศัพท์", "good", "50", None)
    assert made["key"].replace("-", "") not in json.dumps(listed)
    stored = [
        str(value) for row in await desk.survey.pool.fetch("SELECT * FROM openrosa_key") for value in row.values()
    ]
    assert not any(made["key"].replace("-", "") in value for value in stored)

    collect = Collect(desk.http, made["server_url"])
    assert len(await collect.forms()) == 1
    [listed] = (await desk.http.get(KEYS, headers=by())).json()["keys"]
    assert listed["used_on"] == "2022-02-05"

    # Another's key is not there for me, neither to see nor to end.
    assert (await desk.http.get(KEYS, headers=by(subject=9))).json() == {"keys": []}
    assert (await desk.http.delete(f"{KEYS}/{made['key_id']}", headers=by(subject=9))).status_code == 404
    assert (await desk.http.delete(f"{KEYS}/{made['key_id']}", headers=by())).status_code == 204
    [listed] = (await desk.http.get(KEYS, headers=by())).json()["keys"]
    assert listed["state"] == "revoked"
    assert (await collect.send(filled()))[0] == 403


async def test_a_volunteer_has_a_bounded_number_of_good_keys(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.http.post(KEYS, headers=by(), json={"label": "x"}) for _ in range(MOST_KEYS + 3))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_KEYS + [409] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many_keys"}
    made = next(answer for answer in answers if answer.status_code == 201).json()
    assert (await desk.http.delete(f"{KEYS}/{made['key_id']}", headers=by())).status_code == 204
    await desk.key()
    await desk.key(subject=9)  # others have their own


async def test_a_key_ends_by_itself_and_is_forgotten(desk: Desk) -> None:
    made = await desk.http.post(KEYS, headers=by(), json={"label": "x", "days": 1})
    collect = Collect(desk.http, made.json()["server_url"], language="en")
    desk.survey.clock.advance(timedelta(days=1))
    status, message = await collect.send(filled())
    assert (status, message) == (403, callers.ENDED.en)
    assert (await desk.http.get(KEYS, headers=by())).json()["keys"][0]["state"] == "ended"

    clock = MovableClock(NOW + timedelta(days=1 + KEPT_DAYS))
    await KeyKeeping(desk.survey.pool, clock).turn()
    assert len((await desk.http.get(KEYS, headers=by())).json()["keys"]) == 1
    clock.advance(timedelta(seconds=1))
    await KeyKeeping(desk.survey.pool, clock).turn()
    assert (await desk.http.get(KEYS, headers=by())).json() == {"keys": []}
    assert "openrosa_keys" in [duty.name for duty in duties(desk.survey.pool, desk.survey.sealing, clock)]


async def test_who_is_suspended_or_has_moved_is_refused_at_once(desk: Desk) -> None:
    collect = await desk.device()
    assert (await collect.send(filled()))[0] == 201
    desk.movements.barred.add(UUID(int=7))
    assert await collect.send(filled()) == (403, callers.SUSPENDED.en)
    desk.movements.barred.clear()
    desk.movements.moved[UUID(int=7)] = NOW + timedelta(seconds=1)
    assert await collect.send(filled()) == (403, callers.LEFT.en)
    desk.survey.clock.advance(timedelta(minutes=1))
    assert (await (await desk.device()).send(filled()))[0] == 201  # a key made afterwards is for the new role


async def test_a_device_fetches_the_form_and_the_subdistricts_of_its_area(desk: Desk) -> None:
    for area, first in (("50", "500101"), ("500102", "500102")):
        collect = await desk.device(area=area, subject=int(area))
        [listed] = await collect.forms()
        form, files = await collect.fetch(listed)
        assert f'id="{listed.form_id}" version="{listed.version}"' in form
        assert listed.name == "สำรวจวัคซีนครัวเรือน"
        rows = list(csv.DictReader(io.StringIO(files["areas.csv"].decode())))
        assert rows[0]["name"] == first
        assert all(row["name"].startswith(area) for row in rows)
    url = f"{collect.server_url}/formList"
    assert "<xform>" not in (await desk.http.get(url, params={"formID": "other"})).text
    assert "<xform>" in (await desk.http.get(url, params={"formID": listed.form_id})).text


async def test_a_key_that_is_typed_as_a_password_does_the_same(desk: Desk) -> None:
    made = await desk.key()
    collect = Collect(desk.http, made["basic_url"], password=made["key"].upper(), language="en")
    [listed] = await collect.forms()
    assert listed.download_url.startswith(f"{made['basic_url']}/forms/")
    assert (await collect.fetch(listed))[1].keys() == {"areas.csv"}
    assert (await collect.send(filled()))[0] == 201

    url = f"{made['basic_url']}/formList"
    for headers in (
        {},
        {"Authorization": "Basic x"},
        {"Authorization": f"Basic {b64encode(b'volunteer:wrong').decode()}"},
    ):
        refused = await desk.http.get(url, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert Collect.shown(refused)[1]
    assert (await desk.http.get(url, headers=by())).status_code == 200
    assert (await desk.http.get(url, headers=by("external_system", ""))).status_code == 403


async def test_failures_are_bounded_by_address(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "FAILURES", Limit("openrosa-key", 3, timedelta(minutes=10)))
    good, nobodys = await desk.device(), Collect(desk.http, "http://survey/v1/openrosa/0000", language="en")
    for _ in range(3):
        assert (await nobodys.send(filled()))[0] in (404, 429)  # a HEAD and a POST each
    assert (await nobodys.send(filled()))[0] == 429
    assert (await good.send(filled()))[0] == 429
    desk.survey.clock.advance(timedelta(minutes=10))
    assert await nobodys.send(filled()) == (404, callers.UNKNOWN.en)
    assert (await good.send(filled()))[0] == 201


async def test_the_picture_sets_the_app_up(desk: Desk) -> None:
    made = await desk.key()
    picture = await desk.http.get(made["qr_png"])
    assert (picture.headers["content-type"], picture.headers["cache-control"]) == ("image/png", "no-store")
    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.content)))
    settings = json.loads(zlib.decompress(b64decode(code.text)))
    assert settings == setting_up.settings(made["server_url"])
    assert settings["general"]["server_url"] == made["server_url"]
    drawing = await desk.http.get(made["qr_svg"])
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert drawing.text.startswith(("<?xml", "<svg"))
    assert (await desk.http.get(f"{made['server_url']}x/settings.png")).status_code == 404


async def test_a_form_is_recorded_as_any_submission_and_counts_once(desk: Desk) -> None:
    person = {
        "age": "71",
        "dose_count": "1",
        "doses": [{"vaccine": "511"}],
        "wants_vaccine": "yes",
        "reasons": "hard_to_reach",
        "home_visit": "yes",
    }
    instance_id = str(uuid4())
    form = filled(instance_id=f"uuid:{instance_id}", persons=[person], position="18.79 98.98 300.0 12.0")
    collect = await desk.device()
    assert (await collect.send(form))[0] == 201
    assert (await collect.send(form))[0] == 201  # the answer was lost, and the app sends again
    other = filled(instance_id=f"uuid:{instance_id}", persons=[])
    assert (await collect.send(other))[0] == 201
    async with desk.survey.recorder():
        await desk.survey.until_recorded(3)
    rows = await desk.survey.pool.fetch("SELECT * FROM submission")
    assert [(str(row["submission_id"]), row["volunteer_id"]) for row in rows] == [(instance_id, UUID(int=7))]
    assert rows[0]["captured_at"] == datetime.fromisoformat("2022-02-05T09:00:00+07:00")
    fate = (await desk.http.get(f"/v1/submissions/{instance_id}", headers=by())).json()
    assert fate["status"] == "recorded"
    assert [repeat["status"] for repeat in fate["repeats"]] == ["duplicate", "rejected"]
    counts = (await desk.http.get("/v1/counts", headers=by("external_system", ""))).json()
    assert [(each["area"], each["wanting_608"], each["dose_1"], each["home_visit"]) for each in counts] == [
        ("500101", 1, 1, 1)
    ]


async def test_an_odd_form_is_taken_and_flagged_as_any_submission(desk: Desk) -> None:
    collect = await desk.device()
    card = {"age": "5", "dose_count": "0", "national_id": "1101700230704", "national_id_as_shown": "yes"}
    form = filled(position="7.0 100.5 10.0 12.0", persons=[card])  # the other end of the country
    assert (await collect.send(form))[0] == 201
    async with desk.survey.recorder():
        await desk.survey.until_recorded(1)
    [flags] = [row["flags"] for row in await desk.survey.pool.fetch("SELECT flags FROM submission")]
    assert sorted(flags) == ["check_digit", "position_elsewhere"]


BOMB = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha">]><data id="jitasa_household">&a;</data>'
REFUSED: list[tuple[bytes, int, str]] = [
    (
        filled(contact_phone="053936150"),
        400,
        "Mobile number: A mobile number begins with 06, 08 or 09 and has 10 digits",
    ),
    (filled(area="999999"), 400, "Subdistrict: No area has this code"),
    (filled(area="510101"), 403, "Subdistrict: This lies outside your area"),
    (filled(house=""), 400, "House number: This is required"),
    (
        filled(start="2022-03-01T09:00:00+07:00", end="2022-03-01T09:00:00+07:00"),
        400,
        "The device's clock: This lies in",
    ),
    (filled(start="1970-01-01T07:00:00+07:00", end=""), 400, "The device's clock: This is earlier than it can be"),
    (filled(persons=[{"age": "200"}]), 400, "Person 1 · Age in years: This is outside the range of values"),
    (
        filled(persons=[{"age": "5"}, {"age": "6", "dose_count": "1", "doses": [{"date": "2022-03-01"}]}]),
        400,
        "Person 2 · Dose 1 · Date, if known: This lies in the future",
    ),
    (
        filled(persons=[{"national_id": "1101700230704"}], contact_phone="1"),
        400,
        "Mobile number: A mobile number begins with 06, 08 or 09 and has 10 digits\n"
        "Person 1 · National id (optional): The national id's check digit is wrong",
    ),
    (filled(persons=[{"risks": "gout"}]), 400, "Person 1 · Risk group 608: This is not one of the choices"),
    (filled(instance_id="uuid:7"), 400, "The form's id (instanceID): This has to be a UUID"),
    (
        filled(persons=[{"name": "x" * 190, "age": "5"}] * 50 + [{}] * 5),
        400,
        "How many people live here?: There are too",
    ),
    (filled(form_id="other"), 404, "This is another form than ours"),
    (BOMB, 400, "The form holds what is not taken"),
    (b"<data", 400, "The form cannot be read"),
    (b"x" * (MAX_FORM_BYTES + 1), 413, "The form is larger than allowed"),
]


async def test_what_is_wrong_is_said_with_its_place_on_the_screen(desk: Desk) -> None:
    english, thai = await desk.device(), await desk.device(language="th", subject=8)
    for form, status, message in REFUSED:
        told = await english.send(form)
        assert (told[0], told[1][: len(message)]) == (status, message)
        assert (await thai.send(form))[1] != told[1]
    assert (await thai.send(filled(contact_phone="1")))[1].startswith("เบอร์มือถือ: เบอร์มือถือต้องขึ้นต้นด้วย")


async def test_attachments_are_read_past_and_a_split_sending_is_one_submission(desk: Desk) -> None:
    collect, form = await desk.device(), filled()
    photograph = ("1.jpg", b"\xff\xd8" + b"x" * 500_000, "image/jpeg")
    first = {"1.jpg": photograph, "*isIncomplete*": (None, b"yes", "text/plain")}
    assert (await collect.send(form, attachments=first))[0] == 201  # type: ignore[arg-type]
    assert (await collect.send(form, attachments={"2.jpg": photograph}))[0] == 201
    async with desk.survey.recorder():
        await desk.survey.until_recorded(2)
    assert await desk.survey.pool.fetchval("SELECT count(*) FROM submission") == 1


async def test_what_holds_no_form_is_refused(desk: Desk) -> None:
    url = f"{(await desk.key())['server_url']}/submission"
    form = ("f.xml", filled(), "text/xml")
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    many = {f"{number}.jpg": ("x", b"x", "image/jpeg") for number in range(MOST_PARTS + 1)}
    refused: list[tuple[dict[str, Any], int]] = [
        ({"content": filled(), "headers": {"Content-Type": "text/xml"}}, 415),
        ({"content": b"--b\r\nno", "headers": multipart}, 400),
        ({"content": b"", "headers": multipart}, 400),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 415),
        ({"files": {"other": form}}, 400),
        ({"files": [("xml_submission_file", form)] * 2}, 400),
        ({"files": many}, 413),
        ({}, 415),
    ]
    for sent, status in refused:
        answer = await desk.http.post(url, **sent)
        assert answer.status_code == status, answer.text
        assert Collect.shown(answer)[1]


async def test_a_database_or_kafka_that_is_away_is_said_on_the_screen(desk: Desk) -> None:
    collect = await desk.device()
    transport: Any = desk.http._transport
    intake, transport.app._app.state.intake = transport.app._app.state.intake, None
    assert (await collect.send(filled()))[0] == 503
    transport.app._app.state.intake = intake
    await desk.survey.pool.close()
    status, message = await collect.send(filled())
    assert (status, message) == (503, "Forms cannot be taken at the moment; send it again")
