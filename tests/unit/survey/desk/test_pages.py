"""The desk's words: each in both languages, and each that is asked for is there."""

import re

from services.survey.pages import PAGES
from shared.web.files import COMMON

DESK = PAGES / "desk"
TEXT = (DESK / "text.js").read_text()
WORDS = re.findall(r"^  (\w+): \[((?:.|\n)*?)\],$", TEXT, re.MULTILINE)
SCRIPTS = {path.name: path.read_text() for path in DESK.glob("*.js") if path.name != "text.js"}


def test_every_word_is_said_in_both_languages() -> None:
    assert len(WORDS) == len({key for key, _ in WORDS}) > 150
    for key, entry in WORDS:
        thai, english = re.findall(r'"((?:[^"\\]|\\.)*)"', entry)
        assert set(re.findall(r"\{\w+\}", thai)) == set(re.findall(r"\{\w+\}", english)), key
        assert not re.search("[ก-๙]", english), key


def test_every_word_that_is_asked_for_exists() -> None:
    common = "".join(path.read_text() for path in (PAGES / "text.js", COMMON / "common-text.js"))
    known = {key for key, _ in WORDS} | set(re.findall(r"^  (\w+): \[", common, re.MULTILINE))
    asking = re.compile(r'(?:\bsay\(|notice\(|(?<!\w)(?:text|label|hint|title|submit|placeholder): \[?)"(\w+)"')
    asked = {key for script in SCRIPTS.values() for key in asking.findall(script)}
    assert len(asked) > 70
    assert asked - known == set()


def test_no_page_writes_markup() -> None:
    """What people typed is only ever text."""
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write")
    assert [name for name, script in SCRIPTS.items() if markup.search(script)] == []
