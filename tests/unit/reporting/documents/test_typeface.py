"""The fonts of the documents."""

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from services.reporting.documents.typeface import WEIGHTS, prepare

NEEDED = "กำไรผู้ที่ฎีกาญ๐๙ABCxyz09,.·“”–−+%"


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_font_has_thai_and_latin(fonts: Path, weight: int) -> None:
    """With what places vowels and tones over the letters."""
    with TTFont(fonts / f"sarabun-{weight}.ttf") as font:
        letters = font.getBestCmap()
        assert [letter for letter in NEEDED if ord(letter) not in letters] == []
        assert {"GPOS", "GSUB"} <= set(font.keys())
        assert font["OS/2"].usWeightClass == weight


def test_the_licence_lies_beside_the_fonts(fonts: Path) -> None:
    """As the SIL Open Font License wants, and nothing of the parts is left."""
    assert "SIL OPEN FONT LICENSE" in (fonts / "LICENSE").read_text()
    assert sorted(path.name for path in fonts.iterdir()) == ["LICENSE", "sarabun-400.ttf", "sarabun-600.ttf"]


def test_a_missing_font_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="sarabun"):
        prepare(tmp_path, tmp_path / "fonts")
