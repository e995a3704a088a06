"""The month's performance as documents over HTTP: real database, real processes that make them."""

import asyncio
import csv
import io
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import openpyxl
import psutil
import pypdfium2
import pytest

from services.reporting.documents import workshop as workshop_module
from services.reporting.documents.workshop import Workshop
from services.reporting.live import LiveStream
from services.reporting.months.closing import Months
from services.reporting.processes.http import create
from services.reporting.projector import TOPICS
from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.authentication import Authentication
from tests.integration.reporting.conftest import NOW, Tokens, as_role, eventually
from tests.integration.reporting.months import DECEMBER, JANUARY, NOON, PARTNER, apply, counts, rows_of, visit
from tests.unit.reporting.documents.months import order

VISITS = [
    visit(1, 1, "500101", counts(4, 2, 1)),
    visit(2, 1, "500102", counts(3, 1)),
    visit(3, 2, "100101", counts(5, 5, 3), organisation_id=PARTNER),
]
CENTRE = as_role(Role.CENTRAL_ADMINISTRATOR, "")


@pytest.fixture(scope="module")
async def pool(database: PostgresSettings) -> AsyncIterator[Pool]:
    """Connections to a database with a few visits in January 2565."""
    pool = await open_pool(database, application="test")
    await apply(pool, VISITS)
    yield pool
    pool.terminate()


@pytest.fixture(scope="module")
def environment(database: PostgresSettings) -> Mapping[str, str]:
    """What tells a process where the database is."""
    return {
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(database.password_file),
    }


@pytest.fixture(scope="module", autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where documents lie."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(folder))
        yield folder


@asynccontextmanager
async def serving(
    pool: Pool, assets: Path, clock: MovableClock, environment: Mapping[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    """The service's HTTP application."""
    tokens, settings = Tokens(), LiveSettings()
    app = create(
        pool,
        Authentication(tokens, tokens),
        clock,
        LiveStream(settings.max_viewers),
        settings,
        ready=list,
        assets=assets,
    )
    app.state.workshop = Workshop(assets, clock, environment)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://reporting",
        headers={"Accept-Language": "en"},
        timeout=60,
    ) as client:
        yield client
    await app.state.workshop.close()


@pytest.fixture(scope="module")
async def client(
    pool: Pool, assets: Path, clock: MovableClock, environment: Mapping[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    """Asked without a token."""
    async with serving(pool, assets, clock, environment) as client:
        yield client


async def test_a_pdf_of_the_country(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/performance/2022-01.pdf?reference=%E0%B8%A1%E0%B8%97%201")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="performance-2022-01-th-province.pdf"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    with pypdfium2.PdfDocument(answer.content) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    assert "ยังไม่ปิดยอด" in texts[0]
    assert "ที่ มท 1" in " ".join(texts[0].split())
    assert "๗ กุมภาพันธ์ ๒๕๖๕" in texts[0]
    assert "เชียงใหม่" in texts[0]


async def test_a_workbook_has_the_rows_of_the_month(client: httpx.AsyncClient, pool: Pool) -> None:
    answer = await client.get("/v1/performance/๒๐๒๒-๐๑.xlsx?area=50&lang=en&sort=persons")
    assert answer.status_code == 200, answer.text
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    found = [tuple(cells) for cells in sheet.iter_rows(min_row=5, values_only=True)]
    rows = await rows_of(pool, JANUARY, "50", "district", sort="persons")
    assert found == [
        (row.rank, row.key, row.name_en, *row.figures.values(), *row.before.values()) for row in rows.values()
    ]
    assert found[0][:3] == (1, "5001", "Mueang Chiang Mai")


async def test_accounts_are_shown_to_those_who_may_see_them(client: httpx.AsyncClient) -> None:
    path = "/v1/performance/2022-01.csv?level=volunteer&area=50"
    assert (await client.get(path)).status_code == 401
    for nobody in (as_role(Role.VOLUNTEER, "50"), as_role(Role.DISTRICT_COORDINATOR, "5001")):
        assert (await client.get(path, headers=nobody)).status_code == 403
    counted_anew = "/v1/performance/2022-01.csv?revision=0"
    assert (await client.get(counted_anew)).status_code == 401
    assert (await client.get(counted_anew, headers=as_role(Role.PROVINCE_ADMINISTRATOR, "50"))).status_code == 403
    answer = await client.get(path, headers=as_role(Role.PROVINCE_ADMINISTRATOR, "50"))
    assert answer.status_code == 200, answer.text
    _, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert [line[:5] for line in lines] == [["1", str(UUID(int=1)), str(UUID(int=1)), "2", "0"]]


async def test_a_document_made_aside_tells_how_far_it_is(client: httpx.AsyncClient) -> None:
    """And is one for all who order it within a minute."""
    path, aside = "/v1/performance/2022-01.csv", {"Prefer": "respond-async"}
    ordered, again = await asyncio.gather(*[client.get(path, headers=aside) for _ in range(2)])
    assert (ordered.status_code, ordered.headers["preference-applied"]) == (202, "respond-async")
    told = ordered.json()
    assert told["file_name"] == "performance-2022-01-th-province.csv"
    assert again.json()["document_id"] == told["document_id"]
    address = ordered.headers["location"]
    early = await client.get(f"{address}/content")
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")

    async def ready() -> bool:
        return bool((await client.get(address)).json()["state"] == "ready")

    await eventually(ready, "the document is ready")
    told, answer = (await client.get(address)).json(), await client.get(f"{address}/content")
    assert (told["rows"], told["of"], told["size"]) == (77, 77, len(answer.content))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


async def test_a_corrected_month_shows_both_figures(client: httpx.AsyncClient, pool: Pool) -> None:
    """And the first one can still be had as it was closed."""
    late = NOON - timedelta(days=31)
    months = Months(pool, TOPICS)
    await apply(pool, [visit(20, 5, "500101", counts(4, 2), captured_at=late)])
    await months.close(DECEMBER, now=NOW, by="command")
    await apply(pool, [visit(21, 5, "500101", counts(3, 0), captured_at=late)])
    await months.correct(DECEMBER, now=NOW, by="command", reason="โทรศัพท์ส่งข้อมูลช้า")
    path = "/v1/performance/2021-12"
    with pypdfium2.PdfDocument((await client.get(f"{path}.pdf?area=50")).content) as document:
        text = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
    assert "ฉบับที่ ๒" in text
    assert "เหตุผล: โทรศัพท์ส่งข้อมูลช้า" in text
    assert re.search(r"เมืองเชียงใหม่ (ทั้)?ทั้งหมด ๔ ๗", text)
    for revision, persons in ((1, "4"), (2, "7")):
        answer = await client.get(f"{path}.csv?area=50&lang=en&revision={revision}")
        head, first, *_ = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert first[head.index("Persons found: All")] == persons
    assert first[head.index("Persons found: All (as first closed)")] == "4"


async def test_what_is_too_long_for_paper_is_said(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/performance/2022-01.pdf?level=subdistrict", headers=CENTRE)
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [("level", "too_many_rows")]


async def test_unknown_documents_are_not_found(client: httpx.AsyncClient) -> None:
    for path in ("", "/content"):
        assert (await client.get(f"/v1/documents/{uuid4()}{path}")).status_code == 404


def files(temporary: Path) -> set[str]:
    """What lies in the folders of documents."""
    return {str(path) for path in temporary.glob(f"jitasa-documents-*/{os.getpid()}-*/*/*")}


async def test_a_database_that_is_away_is_said(
    pool: Pool, assets: Path, environment: Mapping[str, str], temporary: Path
) -> None:
    """And nothing of the work is left."""
    nowhere = {**environment, "JITASA_POSTGRES_HOST": str(temporary / "nowhere")}
    before = files(temporary)
    async with serving(pool, assets, MovableClock(NOW), nowhere) as client:
        answer = await client.get("/v1/performance/2022-01.csv?level=country")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert files(temporary) == before


async def test_no_more_wait_than_are_made_in_time(
    pool: Pool, assets: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers who are not signed in leave room for those who are."""
    monkeypatch.setattr(workshop_module, "MOST_PUBLIC", 2)
    monkeypatch.setattr(workshop_module, "MOST_WAITING", 3)
    aside = {"Prefer": "respond-async"}
    async with serving(pool, assets, MovableClock(NOW), environment) as client:
        answers = [await client.get(f"/v1/performance/2022-01.csv?area={area}", headers=aside) for area in (10, 50, 57)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert answers[-1].headers["retry-after"] == "10"
        path, officer = "/v1/performance/2022-01.csv", aside | CENTRE
        assert (await client.get(path, headers=officer)).status_code == 202
        assert (await client.get(f"{path}?area=58", headers=officer)).status_code == 429


class Documents(Workshop):
    """A workshop that makes nothing: its documents are ready at once."""

    async def _run(self, document: Any) -> None:
        document.folder.mkdir()
        document.path.write_text("done")
        document.state = "ready"


async def test_documents_lie_for_a_while_and_no_more_than_some(
    assets: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their files go with them, and those of processes that were killed with the first document of a new one."""
    left = temporary / f"jitasa-documents-{os.getuid()}" / "999999999-x"
    left.mkdir(parents=True)
    monkeypatch.setattr(workshop_module, "MOST_KEPT", 3)
    clock = MovableClock(NOW)
    workshop = Documents(assets, clock)
    first = workshop.order(order(area="10"))
    await first.ended.wait()
    assert not left.exists()
    assert workshop.order(order(area="10")) is first
    clock.advance(timedelta(minutes=2))
    second = workshop.order(order(area="10"))
    assert second is not first
    others = [workshop.order(order(area=str(area))) for area in range(11, 14)]
    await asyncio.gather(*(document.ended.wait() for document in (second, *others)))
    assert workshop.find(first.document_id) is None
    assert not first.folder.exists()
    assert workshop.find(others[-1].document_id) is others[-1]
    clock.advance(timedelta(minutes=20))
    assert workshop.find(others[-1].document_id) is None
    await workshop.close()


async def test_a_process_that_is_killed_leaves_nothing(
    pool: Pool, assets: Path, environment: Mapping[str, str], temporary: Path
) -> None:
    """Whoever waits is told, and the next order is made."""
    before = files(temporary)
    async with serving(pool, assets, MovableClock(NOW), environment) as client:
        waiting = asyncio.create_task(client.get("/v1/performance/2022-01.csv?area=57"))

        async def making() -> bool:
            makers = [each for each in psutil.Process().children() if "maker" in " ".join(each.cmdline())]
            for maker in makers:
                maker.kill()
            return bool(makers)

        await eventually(making, "a maker is at work")
        assert (await waiting).status_code == 503
        assert (await client.get("/v1/performance/2022-01.csv?area=57")).status_code == 200
        (made,) = files(temporary) - before
        assert made.endswith("/document")
    assert files(temporary) == before
