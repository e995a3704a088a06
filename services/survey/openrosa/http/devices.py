"""/v1/openrosa: what ODK Collect, KoboCollect and other clients of OpenRosa ask for and send.

Every route is there twice: below the key, `/v1/openrosa/{key}/…`, and without it, for who says who he is in a header.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.survey.intake import RETRY_AFTER_SECONDS, Answer, Intake
from services.survey.openrosa import answers, serving
from services.survey.openrosa.form import AREAS_FILE, FORM_ID
from services.survey.openrosa.http.address import PREFIX, address_of
from services.survey.openrosa.http.callers import by_header, by_path
from services.survey.openrosa.parts import form_of
from services.survey.openrosa.reading import read_form
from services.survey.openrosa.setting_up import picture
from services.survey.parties import party_of
from shared.postgres.pool import UNREACHABLE
from shared.postgres.throttle import Throttled
from shared.security.principal import Principal
from shared.web.bodies import MAX_BODY_BYTES
from shared.web.problems import Message, Problem, language_of, status_problem

_RETRY: Final = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_LIMIT: Final = {"X-OpenRosa-Accept-Content-Length": str(MAX_BODY_BYTES)}
"""What one request may hold: Collect sends its attachments in several ones that are smaller."""
_SENT: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["xml_submission_file"],
                    "properties": {"xml_submission_file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""How the description tells of a body that the route reads itself."""
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "An OpenRosaResponse that says what is wrong.", "content": {answers.MEDIA_TYPE: {}}},
    "5XX": {"description": "Not available now.", "content": {answers.MEDIA_TYPE: {}}},
}
_AWAY: Final = Message("ขณะนี้รับข้อมูลไม่ได้ โปรดส่งอีกครั้ง", "Forms cannot be taken at the moment; send it again")
_TOO_OFTEN: Final = Message("ลองบ่อยเกินไป โปรดรอแล้วลองอีกครั้ง", "Too many tries: wait, and try again")


class OpenRosaRoute(APIRoute):
    """A route whose refusals are OpenRosaResponses, which the apps show, and whose answers all carry the version."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """FastAPI's handler, between the request and its refusals."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handler(request)
            except (Problem, Throttled, HTTPException, RequestValidationError, *UNREACHABLE) as error:
                language = language_of(request.headers.get("accept-language"))
                response = answers.refusal(_problem_of(error), language)
            response.headers.update(answers.VERSION)
            return response

        return answer


def _problem_of(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case Throttled():
            return Problem(429, detail=_TOO_OFTEN, headers={"Retry-After": str(error.retry_after)})
        case HTTPException():
            return status_problem(error.status_code, error.headers)
        case RequestValidationError():
            return Problem(400, "invalid")
        case _:
            return Problem(503, detail=_AWAY, headers=_RETRY)


def _router(prefix: str, caller: Any) -> APIRouter:
    """The routes for callers whom the dependency `caller` knows."""
    router = APIRouter(
        prefix=prefix,
        tags=["openrosa"],
        route_class=OpenRosaRoute,
        default_response_class=answers.Xml,
        responses=_REFUSALS,
    )
    Caller = Annotated[Principal, Depends(caller)]

    @router.get("/formList")
    async def form_list(
        request: Request, _: Caller, form_id: Annotated[str | None, Query(alias="formID", max_length=200)] = None
    ) -> Response:
        """The form, with its version, its hash and where it is (OpenRosa Form List API)."""
        return answers.form_list(address_of(request), serving.xform(), form_id)

    @router.get(f"/forms/{FORM_ID}.xml")
    async def form(_: Caller) -> Response:
        """The form itself, an XForm."""
        return _file(serving.xform(), answers.MEDIA_TYPE)

    @router.get(f"/forms/{FORM_ID}/manifest")
    async def manifest(request: Request, caller: Caller) -> Response:
        """The files beside the form, with their hashes."""
        return answers.manifest(address_of(request), serving.areas(caller.area))

    @router.get(f"/forms/{FORM_ID}/{AREAS_FILE}", response_class=answers.Areas)
    async def areas(caller: Caller) -> Response:
        """The subdistricts of the caller's area, to choose from."""
        return _file(serving.areas(caller.area), answers.Areas.media_type)

    @router.head("/submission", status_code=204)
    async def ask(request: Request, _: Caller) -> Response:
        """Where forms are to be sent, and how large a request may be."""
        return Response(status_code=204, headers={"Location": str(request.url.replace(query=""))} | _LIMIT)

    @router.post("/submission", status_code=201, openapi_extra=_SENT)
    async def submit(request: Request, caller: Caller) -> Response:
        """A filled form, as `multipart/form-data` with the part `xml_submission_file`; 201 when Kafka has it."""
        intake: Intake | None = request.app.state.intake
        if intake is None:
            raise Problem(503, detail=_AWAY, headers=_RETRY)
        party = party_of(caller)
        size = int(request.headers.get("content-length", MAX_BODY_BYTES))
        if not intake.admission.open(party, size):
            await intake.admission.refuse(size)
            raise Problem(429, detail=_AWAY, headers=_RETRY)
        try:
            submission = read_form(await form_of(request.headers.get("content-type", ""), request.stream()))
            [answer] = await intake.accept([submission], caller)
        finally:
            intake.admission.close(party, size)
        if answer.status != 202:
            raise _refused(answer)
        received = answers.response(answers.RECEIVED, language_of(request.headers.get("accept-language")), status=201)
        received.headers.update(_LIMIT)
        return received

    return router


def _file(served: serving.Served, media_type: str) -> Response:
    return Response(served.content, media_type=media_type, headers={"Cache-Control": answers.PRIVATE})


def _refused(answer: Answer) -> Problem:
    return Problem(answer.status, errors=answer.errors, headers=_RETRY if answer.status in (429, 503) else {})


BELOW_KEYS: Final = _router(f"{PREFIX}/{{key}}", by_path)
WITH_HEADER: Final = _router(PREFIX, by_header)


# Drawn in a thread: a picture takes 15 ms, in which nothing else would be answered.
@BELOW_KEYS.get("/settings.svg", response_class=answers.Drawing)
def settings_svg(request: Request, _: Annotated[Principal, Depends(by_path)]) -> Response:
    """A QR code that sets ODK Collect or KoboCollect up for this key."""
    return _picture(request, "svg", answers.Drawing.media_type)


@BELOW_KEYS.get("/settings.png", response_class=answers.Picture)
def settings_png(request: Request, _: Annotated[Principal, Depends(by_path)]) -> Response:
    """The same as a picture of pixels."""
    return _picture(request, "png", answers.Picture.media_type)


def _picture(request: Request, kind: str, media_type: str) -> Response:
    content = picture(address_of(request), kind)
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})


ROUTERS: Final = (WITH_HEADER, BELOW_KEYS)
