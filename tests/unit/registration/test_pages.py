"""Registration's pages: which files are served, what they may do, and that every word exists in both languages."""

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from services.registration.pages import PAGES, page_routes
from services.registration.settings import PageSettings
from shared.web.files import COMMON, FONT, AssetsMissing
from shared.web.maps import MAP_PACKAGES

FILES = {str(path.relative_to(PAGES)): path.read_text() for path in PAGES.rglob("*.js")}
TEXT = "".join(content for name, content in FILES.items() if name.endswith("text.js"))
SCRIPTS = {name: content for name, content in FILES.items() if not name.endswith("text.js")}
KEYS = re.findall(r'^  "?([\w-]+)"?:', TEXT, re.MULTILINE)
COMMON_KEYS = re.findall(r"^  (\w+):", (COMMON / "common-text.js").read_text(), re.MULTILINE)


def settings(assets: Path | None, facilities_url: str = "", reporting_url: str = "") -> PageSettings:
    return PageSettings(assets=assets, facilities_url=facilities_url, reporting_url=reporting_url)


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    for package in (FONT, *MAP_PACKAGES):
        (tmp_path / package).mkdir(parents=True)
    return tmp_path


def test_pages_are_at_their_names_and_only_what_is_configured_is_there(assets: Path, tmp_path: Path) -> None:
    paths = {route.path for route in page_routes(settings(assets), sms_sink=True)}
    assert {
        "/",
        "/sign-up",
        "/sign-in",
        "/performance",
        "/desk",
        "/messages",
        "/base.css",
        "/icon.svg",
        "/services",
        "/areas/districts.topojson",
    } <= paths
    without = {route.path for route in page_routes(settings(assets), sms_sink=False)}
    assert paths - without == {"/messages", "/messages.js"}
    assert page_routes(settings(None), sms_sink=True) == []
    with pytest.raises(AssetsMissing):
        page_routes(settings(tmp_path / "elsewhere"), sms_sink=True)


async def test_a_page_may_ask_the_configured_services_and_no_other(assets: Path) -> None:
    configured = settings(assets, facilities_url="https://places.example", reporting_url="https://map.example")
    app = Starlette(routes=list(page_routes(configured, sms_sink=False)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registration") as client:
        page = await client.get("/desk")
        policy = page.headers["content-security-policy"].split("; ")
        assert "connect-src 'self' https://places.example https://map.example" in policy
        assert "script-src 'self'" in policy
        told = (await client.get("/services")).json()
    assert told == {"facilities": "https://places.example", "reporting": "https://map.example", "messages": False}


def test_every_word_is_said_in_both_languages() -> None:
    entries = re.findall(r'^  "?[\w-]+"?: \[((?:.|\n)*?)\],$', TEXT, re.MULTILINE)
    assert len(entries) == len(KEYS) == len(set(KEYS)) > 300
    for entry in entries:
        thai, english = re.findall(r'"((?:[^"\\]|\\.)*)"', entry)
        assert set(re.findall(r"\{\w+\}", thai)) == set(re.findall(r"\{\w+\}", english)), entry
        assert not re.search("[ก-๙]", english), entry


def test_every_word_that_is_asked_for_exists() -> None:
    asking = re.compile(r'(?:\bsay\(|(?<!\w)(?:text|label|hint|title|submit|placeholder|detail): \[?)"(\w+)"')
    asked = {key for script in SCRIPTS.values() for key in asking.findall(script)}
    assert len(asked) > 200
    assert asked - {*KEYS, *COMMON_KEYS} == set()


def test_no_page_writes_markup() -> None:
    """What people typed is only ever text."""
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write")
    assert [name for name, script in SCRIPTS.items() if markup.search(script)] == []
