"""The PDF, read back as a browser reads it."""

from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest

from services.reporting.documents.letter import MOST_ROWS, write_letter
from services.reporting.documents.numerals import number
from services.reporting.documents.orders import Letterhead, Order
from services.reporting.documents.refusals import TooManyRows
from services.reporting.documents.statement import Statement
from services.reporting.months.answers import Corrected, PerformanceRow
from tests.unit.reporting.documents.months import of_provinces, of_volunteers, order, statement, streamed


@dataclass
class Paper:
    """A document on the disk, and its text page by page."""

    pages: list[str]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.pages)


async def paper(
    folder: Path, fonts: Path, wanted: Order, rows: list[PerformanceRow], told: Statement | None = None
) -> Paper:
    """The document, written and read."""
    path, written = folder / "document", list[int]()
    await write_letter(path, wanted, told or statement(rows), streamed(rows), written.append, fonts=fonts)
    assert written == [len(rows)]
    with pypdfium2.PdfDocument(path) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return Paper([" ".join(text.split()) for text in texts])


async def test_the_country_in_thai(tmp_path: Path, fonts: Path) -> None:
    """Letterhead, every province with its figures in Thai digits, heads and numbers on every page."""
    rows = of_provinces()
    letterhead = Letterhead("มท ๐๒๓๐/ว ๘๓๓", "นายสมชาย ใจดี", "ปลัดจังหวัด")
    found = await paper(tmp_path, fonts, order(letterhead=letterhead), rows)
    first, last, count = found.pages[0], found.pages[-1], len(found.pages)
    assert 4 <= count <= 6
    assert "กระทรวงมหาดไทย" in first
    assert "ที่ มท ๐๒๓๐/ว ๘๓๓" in first
    assert "วันที่ ๑๐ กุมภาพันธ์ ๒๕๖๕" in first
    assert "ประจำเดือนมกราคม ๒๕๖๕" in first
    assert "ปิดยอดเมื่อวันที่ ๑๐ กุมภาพันธ์ ๒๕๖๕ เวลา ๐๒.๐๐ น. · ฉบับที่ ๑" in first
    for row in rows:
        assert number(row.figures.persons, "th") in found.text
    for number_of_page, page in enumerate(found.pages, start=1):
        assert "ลำดับ จังหวัด" in page
        assert f"หน้า {number(number_of_page, 'th')} จาก {number(count, 'th')}" in page
        assert "5f5f5f5f" in page
    assert "(ต่อ)" not in first
    assert all("(ต่อ)" in page for page in found.pages[1:])
    assert "นายสมชาย ใจดี" in last
    assert "ตำแหน่ง ปลัดจังหวัด" in last


async def test_no_row_is_torn_apart(tmp_path: Path, fonts: Path) -> None:
    """A row's count and its difference from the month before stand on one page."""
    rows = of_provinces()
    found = await paper(tmp_path, fonts, order(language="en"), rows)
    for row in rows:
        page = next(page for page in found.pages if f" {row.rank} {row.name_en} " in page)
        assert f"{row.figures.help_closed:,}" in page
        difference = row.figures.help_closed - row.before.help_closed
        assert f"{difference:+,}".replace("-", "−") in page


async def test_a_correction_shows_both_figures_and_the_reason(tmp_path: Path, fonts: Path) -> None:
    rows = of_provinces()[:5]
    rows[2].corrected = {"persons": Corrected(1_200, rows[2].figures.persons)}
    told = statement(rows, reason="ข้อมูลส่งล่าช้า")
    found = await paper(tmp_path, fonts, order(revision=2, language="en"), rows, told)
    name, now = rows[2].name_en, f"{rows[2].figures.persons:,}"
    assert "Reason: ข้อมูลส่งล่าช้า" in found.text
    assert f"{now}*" in found.text
    assert f"{name} All 1,200 {now}" in found.text
    assert "revision 2" in found.text


async def test_an_open_month_says_so(tmp_path: Path, fonts: Path) -> None:
    rows = of_provinces()[:2]
    told = statement(rows, closed_at=None, hash=None)
    found = await paper(tmp_path, fonts, order(revision=0), rows, told)
    assert "ยังไม่ปิดยอด · ข้อมูล ณ วันที่ ๑๐ กุมภาพันธ์ ๒๕๖๕" in found.text
    told = statement(rows, closed_at=None, hash=None, newest=None)
    assert "no data has come in yet" in (await paper(tmp_path, fonts, order(language="en"), rows, told)).text


async def test_more_than_anybody_prints_is_refused(tmp_path: Path, fonts: Path) -> None:
    """Before a minute is spent on it."""
    rows, told = of_volunteers(MOST_ROWS + 1), statement(of_provinces())
    with pytest.raises(TooManyRows):
        await write_letter(
            tmp_path / "document", order(level="volunteer"), told, streamed(rows), lambda _: None, fonts=fonts
        )
    assert not (tmp_path / "document").exists()


async def test_what_people_type_is_no_markup(tmp_path: Path, fonts: Path) -> None:
    """The letterhead's fields are texts to the typesetter."""
    letterhead = Letterhead('#panic("x") $a$ *b* "c" \\ ', "@someone <label>", "_c_ = d")
    found = await paper(tmp_path, fonts, order(letterhead=letterhead), of_provinces()[:1])
    assert '#panic("x") $a$ *b* "c"' in found.text
    assert "@someone <label>" in found.text
