"""docs/security.md names what shows each mitigation, or says that nothing does."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
BOXES = ("phone", "registration", "survey", "facilities", "reporting", "Kafka", "databases", "one machine")
ARROWS = (
    "phone, browser → ",
    "services → Kafka",
    "services → PostgreSQL",
    "Kafka → ",
    "external system → ",
    "→ webhook",
)


def rows() -> list[list[str]]:
    """The rows of threats."""
    tables = PAGE.partition("## Boxes")[2].partition("## Headers")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables.splitlines() if line[:1] == "|"]
    return [row for row in cells if row[-1] != "shown by" and not set("".join(row)) <= set("-")]


def test_each_threat_has_a_test_that_exists_or_is_open() -> None:
    found = rows()
    assert len(found) > 50
    for row in found:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", row[-1])
        assert tests or "*open*" in " ".join(row), row
        assert [test for test in tests if not (ROOT / test).is_file()] == [], row


def test_no_box_and_no_arrow_is_forgotten() -> None:
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert [box for box in BOXES if not any(heading.startswith(box) for heading in headings)] == []
    arrows = PAGE.partition("## Arrows")[2]
    assert [arrow for arrow in ARROWS if arrow not in arrows] == []
    assert set("STRIDE") <= {letter for row in rows() for letter in row[0] + row[1] if letter in "STRIDE"}
