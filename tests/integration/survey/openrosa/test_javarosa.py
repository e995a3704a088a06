"""The form in JavaRosa, the engine of ODK Collect and KoboCollect: loaded, filled, sent, recorded and counted."""

import asyncio
import json
import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.local import jars
from deploy.local.home import CHECKOUT, Home
from deploy.local.stack import Stack
from deploy.progress import Progress
from deploy.trouble import Trouble
from services.survey.intake import MAX_SUBMISSION_BYTES
from services.survey.openrosa import serving
from services.survey.openrosa.form import NOTICE, QUESTIONS
from services.survey.openrosa.reading import MAX_FORM_BYTES, read_form
from shared.contracts.events import Role
from shared.security.tokens import TokenSigner
from tests.integration.survey.openrosa.collect import Collect

JARS: Final = Path(__file__).with_name("javarosa.sha256")
PATIENCE_SECONDS: Final = 120.0
"""Java begins in a second, on a busy machine in ten."""
AREA: Final = "580102"
"""A subdistrict of Mae Hong Son, where nobody else surveys."""
ENGLISH: Final = "English (en)"

FILLED: Final[list[dict[str, str]]] = [
    {
        "area": AREA,
        "moo": "3",
        "house": "99/1",
        "unit": "2",
        "position": "19.3 97.97 310.0 12.5",
        "contact_name": "สมหญิง <&> บุตร",
        "contact_phone": "0812345678",
        "person_count": "2",
        "persons[0].name": "ก",
        "persons[0].age": "71",
        "persons[0].sex": "f",
        "persons[0].national_id": "1101700230708",
        "persons[0].registered_area": "50",
        "persons[0].risks": "age_60 diabetes",
        "persons[0].dose_count": "2",
        "persons[0].doses[0].date": "2021-08-01",
        "persons[0].doses[0].vaccine": "511",
        "persons[0].doses[1].vaccine": "210",
        "persons[0].wants_vaccine": "yes",
        "persons[0].reasons": "hard_to_reach cost",
        "persons[0].home_visit": "yes",
        "persons[1].age_by": "birth_year",
        "persons[1].birth_year": "2495",
        "persons[1].national_id": "1101700230704",
        "persons[1].national_id_as_shown": "yes",
        "persons[1].dose_count": "0",
        "persons[1].wants_vaccine": "no",
    },
    {"area": AREA, "house": "99/2", "person_count": "0"},
    {"area": AREA, "house": "99/3", "person_count": "1", "persons[0].age_by": "unknown", "persons[0].dose_count": "0"},
]

COUNTED: Final = {
    "submissions": 3,
    "superseded": 0,
    "households": 3,
    "persons": 3,
    "dose_0": 2,
    "dose_1": 0,
    "dose_2": 1,
    "dose_3": 0,
    "wanting": 1,
    "wanting_608": 1,
    "undecided": 0,
    "refusing": 1,
    "home_visit": 1,
}
"""What these are in reporting's figures."""


@pytest.fixture(scope="module")
def javarosa() -> Path:
    """The folder of JavaRosa's jars, 3 MB. Without a network they may be missing, but not in CI."""
    folder = Home.from_environment().tools / "javarosa"
    try:
        with Progress(1).step("JavaRosa") as step:
            jars.fetch(jars.read(JARS), folder, step)
    except Trouble:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("JavaRosa is not here, and cannot be fetched")
    return folder


async def fill(
    folder: Path, form: str, media: Path, answers: list[dict[str, str]], language: str = ENGLISH
) -> list[dict[str, Any]]:
    """What JavaRosa makes of the form with these answers (see `javarosa.py`)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.survey.openrosa.javarosa", str(folder)),
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    question = json.dumps({"form": form, "media": str(media), "language": language, "answers": answers}).encode()
    try:
        answer, errors = await asyncio.wait_for(process.communicate(question), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    filled: list[dict[str, Any]] = json.loads(answer)
    return filled


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """What Collect keeps beside the form of a volunteer of the province."""
    (tmp_path / "areas.csv").write_bytes(serving.areas("58").content)
    return tmp_path


async def test_the_form_asks_what_applies_and_says_at_once_what_cannot_be(javarosa: Path, media: Path) -> None:
    form = serving.xform().content.decode()
    tomorrow = (date.today() + timedelta(days=2)).isoformat()
    year = date.today().year + 543
    house = {"area": AREA, "house": "1"}
    one = house | {"person_count": "1", "persons[0].age": "5", "persons[0].dose_count": "0"}
    bad = {
        "area": "500101",  # another province's
        "moo": "100",
        "house": "x" * 61,
        "contact_phone": "053936150",
        "person_count": "51",
    }
    worse = one | {
        "persons[0].age": "131",
        "persons[0].national_id": "110170023070",
        "persons[0].dose_count": "1",
        "persons[0].doses[0].date": tomorrow,
    }
    wrong_digit = one | {"persons[0].national_id": "1101700230704", "persons[0].national_id_as_shown": "no"}
    future = one | {"persons[0].age_by": "birth_year", "persons[0].birth_year": str(year + 1)}
    filled = await fill(javarosa, form, media, [*FILLED, bad, worse, wrong_digit, future])

    assert [each["refused"] for each in filled[:3]] == [{}, {}, {}]
    met = filled[0]["met"]
    labels = {each.name: each.label.en for each in QUESTIONS if each.label is not None}
    assert {words for name, words in met.items() if name != "notice"} <= set(labels.values())
    # The check digit is asked about only where it is wrong, the year where it was chosen, a dose for each that was had.
    asked = {name for name in met if name.startswith("persons")}
    assert {"persons[0].age", "persons[1].birth_year", "persons[1].national_id_as_shown"} <= asked
    assert not {"persons[1].age", "persons[0].birth_year", "persons[0].national_id_as_shown"} & asked
    dates = sorted(name for name in asked if name.endswith("date"))
    assert dates == ["persons[0].doses[0].date", "persons[0].doses[1].date"]
    assert not any(name.startswith("persons") for name in filled[1]["met"])

    assert filled[3]["refused"] == {
        "area": "not a choice",
        "moo": "A village number is between 1 and 99",
        "house": "Not more than 60 characters",
        "contact_phone": "A mobile number begins with 06, 08 or 09 and has 10 digits",
        "person_count": "0 to 50 people",
    }
    assert set(filled[4]["refused"]) == {
        "persons[0].age",
        "persons[0].national_id",
        "persons[0].doses[0].date",
    }
    assert set(filled[5]["refused"]) == {"persons[0].national_id_as_shown"}
    assert set(filled[6]["refused"]) == {"persons[0].birth_year"}


async def test_in_bangkok_there_is_no_village_and_the_words_are_thai(javarosa: Path, tmp_path: Path) -> None:
    (tmp_path / "areas.csv").write_bytes(serving.areas("10").content)
    form = serving.xform().content.decode()
    answers = [{"area": "100101", "house": "1", "person_count": "0"}]
    [filled] = await fill(javarosa, form, tmp_path, answers, "ไทย (th)")
    assert filled["refused"] == {}
    assert filled["met"]["notice"] == NOTICE.spoken.th
    assert f"<notice_version>{NOTICE.version}</notice_version>" in filled["xml"]
    assert "moo" not in filled["met"]
    assert filled["met"]["house"] == "บ้านเลขที่"


async def test_the_largest_household_has_room(javarosa: Path, media: Path) -> None:
    answers = {"area": AREA, "house": "1", "person_count": "50"}
    for person in range(50):
        answers |= {f"persons[{person}].name": "ก" * 20, f"persons[{person}].age": "50"}
        answers |= {f"persons[{person}].dose_count": "10"}
        for dose in range(10):
            answers |= {f"persons[{person}].doses[{dose}].date": "2021-08-01"}
            answers |= {f"persons[{person}].doses[{dose}].vaccine": "208"}
    [filled] = await fill(javarosa, serving.xform().content.decode(), media, [answers])
    assert filled["refused"] == {}
    xml = filled["xml"].encode()
    assert len(xml) < MAX_FORM_BYTES, len(xml)
    assert len(read_form(xml)) < MAX_SUBMISSION_BYTES
    assert xml.count(b"<doses>") == 500


async def test_what_collect_sends_is_counted_like_any_submission(javarosa: Path, stack: Stack, tmp_path: Path) -> None:
    """Fetched, filled and sent through the running services, and seen in reporting; the key is in no log."""
    signer = TokenSigner.from_file(stack.secrets.signing_keys, issuer=stack.addresses().registration)
    now = datetime.now(UTC)

    def token(role: Role, area: str) -> dict[str, str]:
        signed = signer.sign(
            subject=uuid4(),
            organisation=None,
            role=role,
            area=area,
            issued_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        return {"Authorization": f"Bearer {signed}", "Accept-Language": "en"}

    volunteer, reader = token(Role.VOLUNTEER, "58"), token(Role.CENTRAL_ADMINISTRATOR, "")
    survey, reporting = stack.addresses().survey, stack.addresses().reporting
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:

        async def figures() -> dict[str, int]:
            parameters = {"area": AREA, "level": "subdistrict"}
            answer = await http.get(f"{reporting}/v1/coverage", params=parameters, headers=reader)
            assert answer.status_code == 200, answer.text
            [row] = answer.json()["rows"]
            return {name: row[name] for name in COUNTED}

        before = await figures()
        made = (await http.post(f"{survey}/v1/openrosa-keys", json={"label": "test"}, headers=volunteer)).json()
        collect = Collect(http, made["server_url"], language="en")
        [listed] = await collect.forms()
        form, files = await collect.fetch(listed)
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        filled = await fill(javarosa, form, tmp_path, FILLED)
        for each in filled:
            assert (await collect.send(each["xml"].encode()))[0] == 201
        assert (await collect.send(filled[0]["xml"].encode()))[0] == 201  # again: it counts once

        async with asyncio.timeout(PATIENCE_SECONDS):
            for each in filled:
                instance = UUID(each["xml"].partition("uuid:")[2][:36])
                url = f"{survey}/v1/submissions/{instance}"
                while (await http.get(url, headers=volunteer)).json()["status"] != "recorded":
                    await asyncio.sleep(0.1)
            wanted = {name: before[name] + more for name, more in COUNTED.items()}
            while await figures() != wanted:
                await asyncio.sleep(0.1)
        metrics = (await http.get(f"{survey}/metrics")).text
    key = made["key"].replace("-", "")
    assert key not in metrics
    logs = list(stack.home.logs.glob("*.log"))
    assert logs
    assert not any(key in path.read_text(errors="replace") for path in logs)
