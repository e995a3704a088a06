"""A suspension reaches every service, whatever tokens are about."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx

from deploy.local.stack import Stack
from shared.contracts.events import Role
from shared.security.tokens import TokenSigner

WITHIN = 60.0
"""Seconds in which a suspended volunteer's token has stopped working everywhere: it takes less than one."""

ROUTES = {
    "registration": ("GET", "/v1/volunteers/{volunteer}"),
    "survey": ("GET", "/v1/submissions"),
    "facilities": ("POST", "/v1/facilities"),
    "reporting": ("GET", "/v1/coverage?area=50"),
}
"""In each service one that looks at the token, whether or not it lets this one in."""


async def test_a_suspended_volunteers_token_stops_in_all_four_services(stack: Stack) -> None:
    signer = TokenSigner.from_file(stack.secrets.signing_keys, issuer=stack.addresses().registration)

    def token(role: Role, area: str, subject: UUID) -> dict[str, str]:
        now = datetime.now(UTC)
        signed = signer.sign(
            subject=subject,
            organisation=None,
            role=role,
            area=area,
            issued_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        return {"Authorization": f"Bearer {signed}"}

    administrator = token(Role.CENTRAL_ADMINISTRATOR, "", uuid4())
    registration = stack.addresses().registration
    async with httpx.AsyncClient(timeout=20) as http:

        async def post(path: str, headers: dict[str, str] | None = None, **body: str) -> httpx.Response:
            answer = await http.post(f"{registration}{path}", json=body, headers=headers)
            assert answer.is_success, answer.text
            return answer

        founded = await post("/v1/organisations", administrator, name="อบต.", kind="agency", area="50")
        codes = f"/v1/organisations/{founded.json()['organisation_id']}/group-codes"
        code = (await http.post(f"{registration}{codes}", headers=administrator)).json()["code"]
        phone = f"08{uuid4().int % 10**8:08}"
        signed_up = await post("/v1/volunteers", group_code=code, name="ก ข", phone=phone, area="500101")
        volunteer = signed_up.json()["volunteer_id"]
        await post(f"/v1/volunteers/{volunteer}/approval", administrator)
        his = token(Role.VOLUNTEER, "500101", UUID(volunteer))

        async def barred() -> dict[str, bool]:
            answers = {}
            for service, (method, path) in ROUTES.items():
                url = getattr(stack.addresses(), service) + path.format(volunteer=volunteer)
                answer = await http.request(method, url, headers=his)
                assert answer.status_code != 401 or answer.json()["code"] == "holder_suspended", answer.text
                answers[service] = answer.status_code == 401
            return answers

        async def until(wanted: bool) -> None:
            async with asyncio.timeout(WITHIN):
                while set((await barred()).values()) != {wanted}:
                    await asyncio.sleep(0.1)

        await until(False)
        await post(f"/v1/volunteers/{volunteer}/suspension", administrator, reason="ก")
        await until(True)
        await post(f"/v1/volunteers/{volunteer}/approval", administrator)
        await until(False)
