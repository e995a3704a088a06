"""One browser for all pages."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import httpx
import pytest
from playwright.async_api import Browser, async_playwright, expect

from deploy.local.stack import Stack
from tests.e2e.visitors import Office

BROWSERS: Final = (
    "chromium-headless-shell",  # a quarter of the processor time of the others, with the same engine
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
QUIET: Final = (
    "--no-sandbox",  # the tests may run as root, where the browser's own sandbox refuses to start
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
)
PATIENCE_MS: Final = 30_000.0
"""A figure is on the page within a second; a busy machine that draws without a graphics card needs more."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser_program() -> str:
    """The system's browser. Without one there is nothing to test; in CI that is a fault of the machine."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is not None:
        return found
    reason = f"no browser on this machine (looked for {', '.join(BROWSERS)})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
async def browser(browser_program: str) -> AsyncIterator[Browser]:
    """The browser, without a window."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=browser_program, args=list(QUIET))
        yield running
        await running.close()


@pytest.fixture(scope="module")
async def office(stack: Stack) -> AsyncIterator[Office]:
    """Registration's HTTP interface, with its administrator signed in."""
    addresses = stack.addresses()
    async with httpx.AsyncClient(base_url=addresses.registration, timeout=30, trust_env=False) as client:
        office = Office(addresses, client)
        await office.begin()
        yield office


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The register's database, for what a clock that nobody can move has not done yet."""
    connection = await asyncpg.connect(**stack.postgres.connection(database="facilities"), timeout=10)
    yield connection
    await connection.close()
