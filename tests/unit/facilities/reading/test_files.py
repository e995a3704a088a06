"""Opening files: what they are by their bytes, where the header stands, what is refused and why."""

import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.facilities.reading import Form, UnreadableFile, read_table
from services.facilities.reading.messages import FILES
from tests.samples.places import workbook

HEADER = ["ชื่อสถานที่", "ประเภท", "ตำบล"]
CSV = "ชื่อสถานที่,ประเภท,ตำบล\nก,จุดตรวจ,สุเทพ\n".encode()
XLSX = workbook({"sheets": [{"title": "A", "rows": [HEADER, ["ก", "จุดตรวจ", "สุเทพ"]]}]})


def geojson(*features: Any, **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **members}).encode()


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"x")
    return file.getvalue()


POINT = {"type": "Feature", "properties": {"name": "x"}, "geometry": {"type": "Point", "coordinates": [98.9, 18.7]}}


@pytest.mark.parametrize(
    ("name", "file", "code"),
    [
        ("a.csv", b"", "empty_file"),
        ("a.csv", b" \n ", "empty_file"),
        ("a.csv", XLSX, "other_kind"),
        ("a.xlsx", CSV, "other_kind"),
        ("a.geojson", CSV, "other_kind"),
        ("a.xlsx", geojson(POINT), "other_kind"),
        ("a.csv", b"%PDF-1.4", "other_kind"),
        ("a.xlsx", b"\x89PNG\r\n", "other_kind"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "old_workbook"),
        ("a.xls", b"\r\n<html><table><tr><td>x</td></tr></table>", "web_page"),
        ("a.xlsx", zipped("word/document.xml"), "not_a_workbook"),
        ("a.xlsx", XLSX[: len(XLSX) // 2], "not_a_workbook"),
        ("a.csv", "สวัสดี\nไม่มีตาราง\n".encode(), "no_header"),
        ("a.csv", b"\x00\x01\x02", "encoding"),
        ("a.geojson", b'{"type": "Feature"}', "not_geojson"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [', "not_geojson"),
        ("a.geojson", b'{"type": "Topology", "features": []}', "not_geojson"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[' + b"[" * 100_000, "not_geojson"),
        ("a.geojson", geojson(), "empty_file"),
        ("a.geojson", geojson(POINT, crs={"properties": {"name": "urn:ogc:def:crs:EPSG::32647"}}), "other_crs"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, file: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile, match=f"^{code}$"):
        read_table(file, name)
    assert all(FILES[code])


@pytest.mark.parametrize(
    ("name", "file", "form"),
    [
        ("a.csv", CSV, Form.CSV),
        ("A.TXT", CSV, Form.CSV),
        ("", CSV, Form.CSV),
        ("a", XLSX, Form.XLSX),
        ("a.XLSX", XLSX, Form.XLSX),
        ("a.json", geojson(POINT), Form.GEOJSON),
        ("a.geojson", b"\xef\xbb\xbf " + geojson(POINT, crs={"properties": {"name": "EPSG:4326"}}), Form.GEOJSON),
    ],
)
def test_the_bytes_tell_what_a_file_is(name: str, file: bytes, form: Form) -> None:
    table = read_table(file, name)
    assert table.form is form
    assert len(list(table.rows())) == len(list(table.rows())) == 1


def test_the_sheet_with_the_best_header_is_read_unless_another_is_named() -> None:
    file = workbook(
        {
            "sheets": [
                {"title": "ปก", "rows": [["รายชื่อสถานที่"]]},
                {"title": "สรุป", "rows": [["ตำบล", "จำนวนเตียง"], ["สุเทพ", 5]]},
                {"title": "ข้อมูล", "rows": [HEADER, ["ก", "จุดตรวจ", "สุเทพ"]]},
            ]
        }
    )
    table = read_table(file, "a.xlsx")
    assert (table.sheet, table.sheets) == ("ข้อมูล", ("ปก", "สรุป", "ข้อมูล"))
    assert read_table(file, "a.xlsx", sheet="สรุป").titles == ("ตำบล", "จำนวนเตียง")
    with pytest.raises(UnreadableFile, match="no_such_sheet"):
        read_table(file, "a.xlsx", sheet="อื่น")
    with pytest.raises(UnreadableFile, match="no_header"):
        read_table(file, "a.xlsx", sheet="ปก")


def test_empty_rows_at_the_end_are_walked_over_without_being_held() -> None:
    file = workbook({"sheets": [{"title": "A", "rows": [HEADER, ["ก", "จุดตรวจ", "สุเทพ"]]}]})
    with zipfile.ZipFile(io.BytesIO(file)) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    empty = b"".join(b'<row r="%d"/>' % number for number in range(3, 50_000))
    parts[sheet] = parts[sheet].replace(b"</sheetData>", empty + b"</sheetData>")
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert [number for number, _ in read_table(forged.getvalue(), "a.xlsx").rows()] == [2]


@given(st.binary(max_size=200))
def test_no_file_does_more_than_be_refused(file: bytes) -> None:
    for begins in (b"", b"PK\x03\x04", CSV, b'{"type":"FeatureCollection","features":['):
        try:
            list(read_table(begins + file).rows())
        except UnreadableFile as error:
            assert error.code in FILES  # noqa: PT017
