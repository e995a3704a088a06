"""A release of the phone's files that takes the place of another while phones fetch them."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from deploy.local.stack import Stack
from services.survey import pages
from services.survey.settings import SurveySettings
from tests.e2e.visitors import PHONE

CHANGED = ("/phone/main.js", "/phone/survey.js")
UNTAGGED = "/phone/phone.css"
UPDATE = """async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    const worker = registration.installing;
    if (worker === null) return "unchanged";
    return new Promise((resolve) => worker.addEventListener("statechange", () =>
        ["activated", "redundant"].includes(worker.state) && resolve(worker.state)));
}"""
KEPT = """async (urls) => {
    const names = (await caches.keys()).filter((name) => name.startsWith("jitasa-phone-"));
    const answers = await Promise.all(urls.map((url) => caches.match(url)));
    return [names.length, await Promise.all(answers.map(async (answer) => (await answer.text()).includes("// later")))];
}"""


class Rollout:
    """Two releases behind one address; of the later one are only the answers for these paths, or all. A proxy before
    them leaves one file's ETag out."""

    def __init__(self, former: Starlette, later: Starlette) -> None:
        self.former, self.later = former, later
        self.later_for: tuple[str, ...] | None = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_later = self.later_for is None or scope["path"] in self.later_for

        async def without_etag(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [one for one in message["headers"] if one[0].lower() != b"etag"]
            await send(message)

        answering = without_etag if scope["path"] == UNTAGGED else send
        await (self.later if is_later else self.former)(scope, receive, answering)


@asynccontextmanager
async def listening(app: Rollout) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as accepting:
        serving = asyncio.create_task(server.serve([accepting]))
        yield f"http://127.0.0.1:{accepting.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
def rollout(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rollout:
    settings = SurveySettings.model_construct(assets=stack.tools.assets)
    former = Starlette(routes=[*pages.page_routes(settings)])
    later = shutil.copytree(pages.PAGES, tmp_path / "pages")
    for path in CHANGED:
        with (later / path.lstrip("/")).open("a") as file:
            file.write("// later\n")
    monkeypatch.setattr(pages, "PAGES", later)
    return Rollout(former, Starlette(routes=[*pages.page_routes(settings)]))


async def test_a_phone_keeps_the_files_of_one_release(browser: Browser, rollout: Rollout) -> None:
    async with listening(rollout) as address:
        context = await browser.new_context(**PHONE)
        page = await context.new_page()
        await page.goto(address)
        await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        assert await page.evaluate(KEPT, CHANGED) == [1, [False, False]]
        rollout.later_for = ("/sw.js", CHANGED[0])
        assert await page.evaluate(UPDATE) == "redundant"
        assert await page.evaluate(KEPT, CHANGED) == [1, [False, False]]
        rollout.later_for = None
        assert await page.evaluate(UPDATE) == "activated"
        assert await page.evaluate(KEPT, CHANGED) == [1, [True, True]]
        await context.close()
