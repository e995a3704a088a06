"""The sentences of all faults and notices, in Thai and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Sentence = tuple[str, str]

CELLS: Final[Mapping[str, Sentence]] = {
    "required": ("ต้องระบุค่านี้", "This is required"),
    "formula": (
        "ขึ้นต้นด้วย = + - หรือ @ ซึ่งโปรแกรมตารางถือเป็นสูตร โปรดพิมพ์เป็นข้อความ",
        "This begins with = + - or @, which a spreadsheet takes for a formula; type it as text",
    ),
    "spreadsheet_error": (
        "โปรแกรมตารางคำนวณช่องนี้ไม่ได้ ({text})",
        "The spreadsheet could not work this cell out ({text})",
    ),
    "too_long": ("ยาวเกินไป อ่านได้ไม่เกิน {most} อักขระ", "This is too long; {most} characters at most are read"),
    "scientific_notation": (
        "โปรแกรมตารางเปลี่ยนตัวเลขเป็นแบบ 8.12E+08 ทำให้เลขบางหลักหายไป โปรดตั้งคอลัมน์เป็นข้อความแล้วพิมพ์ใหม่",
        "A spreadsheet turned this number into the form 8.12E+08, in which digits are lost; format the column as text "
        "and type it again",
    ),
    "not_a_number": ("ต้องเป็นจำนวนเต็ม เช่น 120", "This has to be a whole number, such as 120"),
    "not_a_date": (
        "ต้องเป็นวันที่ เช่น 1 มีนาคม 2565 หรือ 1/3/2565",
        "This has to be a date, such as 1 March 2022 or 1/3/2565 (day, month, year)",
    ),
    "unclear_year": (
        "ปีสองหลัก {year} อาจเป็น พ.ศ. หรือ ค.ศ. โปรดเขียนปีสี่หลัก",
        "The year {year} may be of either era; write all four digits",
    ),
    "in_the_future": ("วันที่อยู่ในอนาคต", "This date is in the future"),
    "not_a_time": ("ต้องเป็นเวลา เช่น 08:30", "This has to be a time, such as 08:30"),
    "not_days": (
        "ต้องเป็นวันในสัปดาห์ เช่น จันทร์-ศุกร์ หรือ ทุกวัน",
        "These have to be days of the week, such as Monday-Friday or every day",
    ),
    "days_not_said": (
        "ไม่บอกว่าเปิดวันใด จึงเก็บเป็นหมายเหตุ หากเปิดเหมือนกันทุกแถวให้กำหนดวันทำการสำหรับทั้งไฟล์",
        "This does not say on which days, and is kept as a note; days that hold for the whole list can be given for it",
    ),
    "hours_as_note": (
        "อ่านเป็นวันและเวลาไม่ได้ จึงเก็บเป็นหมายเหตุเวลาทำการ",
        "This cannot be read as days and times, and is kept as a note on the hours",
    ),
    "weekend_counted": (
        "อ่านว่าเปิดเสาร์-อาทิตย์ด้วย และหยุดเฉพาะวันหยุดนักขัตฤกษ์",
        "Read as open on Saturdays and Sundays too, and closed on public holidays only",
    ),
    "office_hours": (
        "อ่านเวลาราชการเป็นจันทร์-ศุกร์ 08:30-16:30",
        "Office hours are read as Monday to Friday, 08:30 to 16:30",
    ),
    "unknown_kind": (
        "ไม่รู้จักประเภทสถานที่นี้ ใช้ได้: {kinds}",
        "There is no such kind of place; these are known: {kinds}",
    ),
    "unknown_status": (
        "ไม่รู้จักสถานะนี้ ใช้ได้: เปิด เต็ม ปิดชั่วคราว ปิด",
        "There is no such status; these are known: open, full, suspended, closed",
    ),
    "unknown_access": (
        "ใช้ได้: walk-in นัดหมาย ทั้งสองแบบ",
        "These are known: walk-in, appointment, both",
    ),
    "unknown_holidays": ("ใช้ได้: เปิด หรือ ปิด", "These are known: open, closed"),
    "unknown_vaccine": ("ไม่รู้จักวัคซีน {name}", "There is no vaccine known as {name}"),
    "unknown_service": (
        "ไม่รู้จักบริการ {name} โปรดใช้รหัส เช่น antigen_test",
        "There is no service known as {name}; write its code, such as antigen_test",
    ),
    "wrong_form": (
        "ต้องเป็นตัวเลข 5 หลัก ตัวเลข 9 หลัก หรือตัวเลขและอักษรพิมพ์ใหญ่ 9 ตัว",
        "This has to be 5 digits, 9 digits, or nine characters of digits and capitals",
    ),
    "zeros_lost": (
        "เลขศูนย์ข้างหน้าหายไป และบอกไม่ได้ว่าเป็นรหัส 5 หลักหรือ 9 หลัก โปรดพิมพ์ให้ครบ",
        "Zeros in front were lost, and whether this was a code of 5 or of 9 digits cannot be told; type all of it",
    ),
    "zeros_restored": (
        "โปรแกรมตารางตัดเลขศูนย์ข้างหน้า จึงเติมให้เป็น {code}",
        "A spreadsheet had cut off zeros in front; read as {code}",
    ),
    "phone_zero_restored": (
        "โปรแกรมตารางตัดเลขศูนย์ข้างหน้า จึงเติมให้เป็น {phone}",
        "A spreadsheet had cut off the zero in front; read as {phone}",
    ),
    "not_a_phone": ("ต้องเป็นหมายเลขโทรศัพท์", "This has to be a phone number"),
    "further_phones": (
        "เก็บได้หมายเลขเดียว จึงใช้ {phone} และไม่ใช้ {rest}",
        "One number can be kept: {phone}; left out: {rest}",
    ),
    "not_an_id": ("ต้องเป็นรหัสแบบ UUID ตามที่ระบบส่งออก", "This has to be the id (a UUID) as it was exported"),
    "unknown_area": ("ไม่มีรหัสพื้นที่ {code}", "There is no area with the code {code}"),
    "abolished_area": (
        "พื้นที่ {code} ถูกยกเลิกแล้ว ปัจจุบันใช้ {successors}",
        "The area {code} was abolished; it is now {successors}",
    ),
    "not_a_subdistrict": (
        "ต้องเป็นรหัสตำบล 6 หลัก หรือมีชื่อตำบล",
        "This has to be the 6 digits of a subdistrict, or to name a subdistrict",
    ),
    "no_such_subdistrict": ("ไม่พบ {name}{near}", "There is no {name}{near}"),
    "ambiguous_area": ("ชื่อนี้มีหลายแห่ง: {places}", "Several places have this name: {places}"),
    "areas_disagree": (
        "รหัสพื้นที่คือ {place} แต่ชื่อคือ {name}",
        "The code is that of {place}, but the names are those of {name}",
    ),
    "outside_import_area": ("{place} อยู่นอกพื้นที่ที่นำเข้า", "{place} lies outside the area of this import"),
    "not_a_position": (
        "อ่านเป็นพิกัดไม่ได้ ตัวอย่างที่อ่านได้: 18.7883, 98.9853",
        "This cannot be read as a position; one that can: 18.7883, 98.9853",
    ),
    "incomplete_position": (
        "มีพิกัดเพียงครึ่งเดียว ต้องมีทั้งสองค่า",
        "This is half a position; both values are needed",
    ),
    "short_link": (
        "ลิงก์ย่อ เปิดดูพิกัดจากที่นี่ไม่ได้ โปรดเปิดในเบราว์เซอร์แล้วคัดลอกที่อยู่เต็มหรือพิกัด",
        "A short link cannot be followed from here; open it in a browser and copy the long address, or the position",
    ),
    "no_position_in_link": (
        "ลิงก์นี้ไม่มีพิกัด โปรดปักหมุดแล้วคัดลอกพิกัด",
        "This link holds no position; set a pin on the map and copy its position",
    ),
    "map_view": (
        "ลิงก์บอกกลางแผนที่ ไม่ใช่หมุด โปรดตรวจตำแหน่ง",
        "The link tells the middle of a map's view, not a pin; look whether it is right",
    ),
    "zone_needed": (
        "พิกัด UTM ต้องระบุโซน 47 หรือ 48 หรือมีพื้นที่ที่บอกโซนได้",
        "A UTM position needs its zone, 47 or 48, or an area that tells it",
    ),
    "unknown_zone": ("ประเทศไทยมีโซน UTM 47 และ 48 เท่านั้น", "Thailand has the UTM zones 47 and 48 only"),
    "zone_from_area": ("อ่านเป็น UTM โซน {zone} ตามพื้นที่", "Read as UTM zone {zone}, told from the area"),
    "other_datum": (
        "พิกัดไม่ใช่ WGS 84 แต่เป็น {datum} ซึ่งต่างกันหลายร้อยเมตร โปรดแปลงก่อน",
        "These are not WGS 84 but {datum}, hundreds of metres apart; convert them first",
    ),
    "not_a_point": ("ต้องเป็นจุด (Point)", "This has to be a Point"),
    "heading_row": ("แถวหัวข้อ ไม่ใช่สถานที่ จึงข้าม", "A heading and no place; left out"),
    "sum_row": ("แถวผลรวมหรือหมายเหตุ ไม่ใช่สถานที่ จึงข้าม", "A sum or a remark and no place; left out"),
}

FILES: Final[Mapping[str, Sentence]] = {
    "empty_file": ("ไฟล์ว่าง", "The file is empty"),
    "encoding": (
        "อ่านตัวอักษรในไฟล์ไม่ได้ โปรดบันทึกเป็น CSV UTF-8 หรือ XLSX",
        "The letters of this file cannot be read; save it as CSV UTF-8 or XLSX",
    ),
    "not_a_table": ("ไฟล์นี้ไม่เป็นตาราง CSV", "This is not a table in CSV"),
    "not_a_workbook": ("เปิดไฟล์ Excel นี้ไม่ได้", "This Excel file cannot be opened"),
    "not_geojson": (
        "ไฟล์นี้ไม่เป็น GeoJSON แบบ FeatureCollection",
        "This is not a FeatureCollection in GeoJSON",
    ),
    "other_crs": (
        "GeoJSON ต้องใช้พิกัด WGS 84 (EPSG:4326)",
        "GeoJSON has to be in WGS 84 (EPSG:4326)",
    ),
    "old_workbook": (
        "ไฟล์ Excel รุ่นเก่า (.xls) โปรดบันทึกเป็น .xlsx",
        "This is an old Excel file (.xls); save it as .xlsx",
    ),
    "web_page": (
        "ไฟล์นี้เป็นหน้าเว็บที่ตั้งชื่อเป็นไฟล์ตาราง โปรดเปิดใน Excel แล้วบันทึกเป็น .xlsx",
        "This is a web page named as a spreadsheet; open it in Excel and save it as .xlsx",
    ),
    "other_kind": (
        "เนื้อหาไฟล์ไม่ตรงกับนามสกุลของชื่อ โปรดบันทึกใหม่เป็น .xlsx .csv หรือ .geojson",
        "The file is not what its name says; save it again as .xlsx, .csv or .geojson",
    ),
    "workbook_too_large": (
        "ไฟล์ Excel ใหญ่เกินกำหนดเมื่อเปิดออก",
        "This Excel file is too large when unpacked",
    ),
    "too_many_merges": ("มีเซลล์ผสานมากเกินไป", "There are too many merged cells"),
    "too_many_rows": ("มีแถวมากเกินไป โปรดแบ่งไฟล์", "There are too many rows; divide the file"),
    "no_such_sheet": ("ไม่มีแผ่นงานชื่อนี้", "There is no sheet of this name"),
    "no_header": (
        "ไม่พบหัวตารางใน 30 แถวแรก ต้องมีคอลัมน์ เช่น ชื่อสถานที่ ประเภท ตำบล",
        "There is no header in the first 30 rows, with columns such as name, kind and subdistrict",
    ),
}
"""By the code of `UnreadableFile`."""


def sentence(code: str, named: Mapping[str, object]) -> Sentence:
    """Return what is said of a cell, in Thai and English."""
    th, en = CELLS[code]
    return th.format(**named), en.format(**named)
