"""What a coordinator's desk counts."""

from datetime import timedelta
from typing import Any

import pytest

from services.registration.domain.problems import LIMITS, Level
from services.registration.domain.sign_ups import DECIDED_WITHIN
from services.registration.store import desk
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, new_phone


async def counted(office: Office, role: Role, area: str) -> dict[str, Any]:
    answer = await office.ask("GET", "/v1/desk", office.token(role, area))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_desk_counts_what_waits_in_its_area_alone(office: Office) -> None:
    code = await office.group_code(await office.organisation("77"))
    for area in ("770101", "770101", "770102"):
        assert (await office.sign_up(group_code=code, area=area)).status_code == 201
    help_asked = {"name": "คุณยาย", "phone": new_phone(), "area": "770101"}
    await office.ask("POST", "/v1/registration-help", json=help_asked)
    problem = {"category": "survey", "title": "ส่งไม่ได้", "text": "หน้าจอขาว"}
    raised = await office.ask("POST", "/v1/problems", office.token(Role.VOLUNTEER, "770101"), json=problem)
    assert raised.status_code == 201

    found = await counted(office, Role.SUBDISTRICT_COORDINATOR, "770101")
    assert found["approvals"] == {"waiting": 2, "overdue": 0}
    assert found["problems"] == {"waiting": 1, "overdue": 0}
    assert found["registration_help"] == {"waiting": 1, "oldest": office.clock.now().isoformat().replace("+00:00", "Z")}
    above = await counted(office, Role.DISTRICT_COORDINATOR, "7701")
    # A problem is counted where it is answered, and has not come up to the district.
    assert (above["approvals"]["waiting"], above["problems"]["waiting"]) == (3, 0)
    beside = await counted(office, Role.SUBDISTRICT_COORDINATOR, "770103")
    assert (beside["approvals"]["waiting"], beside["registration_help"]["waiting"]) == (0, 0)

    office.clock.advance(max(DECIDED_WITHIN, LIMITS[0][1][Level.SUBDISTRICT]) + timedelta(seconds=1))
    late = await counted(office, Role.SUBDISTRICT_COORDINATOR, "770101")
    assert (late["approvals"]["overdue"], late["problems"]["overdue"]) == (2, 1)


async def test_a_desk_counts_no_further_than_anybody_works(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST", 2)
    code = await office.group_code(await office.organisation("80"))
    for _ in range(3):
        await office.sign_up(group_code=code, area="800101")
    assert (await counted(office, Role.PROVINCE_ADMINISTRATOR, "80"))["approvals"]["waiting"] == 2


async def test_who_lacks_a_required_training_is_counted(office: Office) -> None:
    required = {
        "title_th": "การสำรวจ",
        "title_en": "Surveying",
        "audience": "partners",
        "required_for": ["volunteer"],
        "area": "5018",
    }
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "50")
    await office.volunteer("501801")
    assert (await counted(office, Role.DISTRICT_COORDINATOR, "5018"))["untrained"] == 0
    assert (await office.ask("POST", "/v1/trainings/courses", province, json=required)).status_code == 201
    assert (await counted(office, Role.DISTRICT_COORDINATOR, "5018"))["untrained"] == 1
    assert (await counted(office, Role.DISTRICT_COORDINATOR, "5017"))["untrained"] == 0
    assert (await counted(office, Role.CENTRAL_ADMINISTRATOR, ""))["untrained"] is None


async def test_directives_wait_until_they_are_acknowledged(office: Office) -> None:
    directive = {
        "reference": f"มท 0230/ว {new_phone()}",
        "title_th": "เร่งรัดการสำรวจ",
        "text_th": "โปรดดำเนินการ",
        "area": "82",
        "roles": ["district_coordinator"],
    }
    token = office.token(Role.DISTRICT_COORDINATOR, "8201")

    async def waiting() -> int:
        """How many wait; some that other tests sent to the whole country may be among them."""
        told = (await office.ask("GET", "/v1/desk", token)).json()["directives"]
        return int(told["waiting"])

    before = await waiting()
    sent = await office.ask("POST", "/v1/directives", office.administrator, json=directive)
    assert sent.status_code == 201, sent.text
    assert await waiting() == before + 1
    await office.ask("POST", f"/v1/directives/{sent.json()['directive_id']}/acknowledgement", token)
    assert await waiting() == before


async def test_a_volunteer_has_no_desk(office: Office) -> None:
    assert (await office.ask("GET", "/v1/desk", office.token(Role.VOLUNTEER, "770101"))).status_code == 403
