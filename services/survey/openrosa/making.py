"""Makes the XLSForm and the XForm: `python -m services.survey.openrosa.making`. Both are checked in, and a test makes
them again.

The XLSForm is the one that may be opened in a spreadsheet, or taken to a server of one's own. pyxform, which is among
the test packages, makes the XForm from it; its validators, which need a Java machine, are left out: the tests load the
form into JavaRosa itself.
"""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from services.survey.openrosa.form import CHOICES, ENGLISH, FORM_ID, QUESTIONS, THAI, TITLE, Question, version
from services.survey.openrosa.serving import XFORM_FILE

XLSFORM_FILE: Final = XFORM_FILE.with_suffix(".xlsx")
_MADE: Final = datetime(2022, 2, 19, tzinfo=UTC)
"""A workbook carries the time of its making; this one has to come out the same each time."""
_LANGUAGES: Final = (THAI, ENGLISH)
_BILINGUAL: Final = ("label", "hint", "constraint_message")

Row = Sequence[str]


def sheets() -> Iterator[tuple[str, list[Row]]]:
    """The sheets of the XLSForm, each with its rows; the first is the header."""
    further = sorted({column for each in QUESTIONS for column in each.more})
    spoken = [f"{column}::{language}" for column in _BILINGUAL for language in _LANGUAGES]
    yield "survey", [["type", "name", *spoken, *further], *(_question(each, further) for each in QUESTIONS)]
    labels = [f"label::{language}" for language in _LANGUAGES]
    yield (
        "choices",
        [
            ["list_name", "name", *labels],
            *([name, each.name, each.label.th, each.label.en] for name, choices in CHOICES.items() for each in choices),
        ],
    )
    settings = {
        "form_title": f"{TITLE.th} · {TITLE.en}",
        "form_id": FORM_ID,
        "version": version(),
        "default_language": THAI,
        "instance_name": "concat('บ้านเลขที่ ', ${house})",
    }
    yield "settings", [list(settings), list(settings.values())]


def _question(each: Question, further: Sequence[str]) -> Row:
    spoken = [
        "" if message is None else words
        for message in (each.label, each.hint, each.says)
        for words in (("", "") if message is None else (message.th, message.en))
    ]
    return [each.type, each.name, *spoken, *(each.more.get(column, "") for column in further)]


def xlsform() -> bytes:
    """The workbook, byte for byte the same each time."""
    import xlsxwriter

    target = io.BytesIO()
    book: Any = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": TITLE.en, "created": _MADE})
    head = book.add_format({"bold": True})
    for name, rows in sheets():
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                if text:
                    sheet.write_string(number, column, text, None if number else head)
    book.close()
    return target.getvalue()


def xform(workbook: bytes) -> str:
    """The XForm that pyxform makes of the workbook. Raises `ValueError` with its warnings, if there are any."""
    from pyxform.xls2xform import convert

    made = convert(io.BytesIO(workbook), file_type=".xlsx", form_name="data", pretty_print=True)
    if made.warnings:
        raise ValueError("\n".join(made.warnings))
    return str(made.xform)


def main(folder: Path = XFORM_FILE.parent) -> None:
    """Write both files."""
    workbook = xlsform()
    (folder / XLSFORM_FILE.name).write_bytes(workbook)
    (folder / XFORM_FILE.name).write_text(xform(workbook), encoding="utf-8")


if __name__ == "__main__":
    main()
