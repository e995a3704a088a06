"""Texts of a place in their one spelling: composed characters, single spaces, nothing invisible."""

import re
import unicodedata
from typing import Final

from services.facilities.domain.places import Contact
from services.facilities.domain.violations import Violation
from shared.areas.digits import to_arabic_digits

NAME_LENGTH: Final = 200  # the longest official name of a place is below 120 characters
NOTE_LENGTH: Final = 500  # a few sentences on holidays and queues; longer text is not read at a gate
PHONE_LENGTH: Final = 40  # a number with separators and an extension
EMAIL_LENGTH: Final = 254  # RFC 5321's longest address
WEBSITE_LENGTH: Final = 300  # what the public event allows

_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()\-]{1,24}[0-9]( ?(ต่อ|ext\.?|#) ?[0-9]{1,6})?")
_EMAIL: Final = re.compile(r"[^@\s<>\"]+@[^@\s.<>\"]+(\.[^@\s.<>\"]+)+")
_WEBSITE: Final = re.compile(r"https?://[^\s/?#<>\"']+([/?#][^\s<>\"']*)?")
# Word breaks that no one sees: Thai text from web pages and word processors is full of them.
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))


def line(text: str, path: str, longest: int, found: list[Violation]) -> str:
    """One line of text: composed characters, single spaces, nothing invisible."""
    line = " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())
    if not line:
        found.append(Violation(path, "required", "ต้องระบุค่านี้", "This is required"))
    _check_text(line, path, longest, found)
    return line


def note(text: str | None, path: str, found: list[Violation]) -> str | None:
    """Text of several lines; an empty one is none."""
    if text is None:
        return None
    lines = unicodedata.normalize("NFC", text).translate(_INVISIBLE).splitlines()
    kept = "\n".join(" ".join(line.split()) for line in lines).strip()
    _check_text(kept.replace("\n", " "), path, NOTE_LENGTH, found)
    return kept or None


def _check_text(text: str, path: str, longest: int, found: list[Violation]) -> None:
    if len(text) > longest:
        found.append(Violation(path, "too_long", f"ยาวได้ไม่เกิน {longest} อักขระ", f"At most {longest} characters"))
    # Control characters, marks that turn the direction of writing, half characters: none belongs on a public page.
    if any(unicodedata.category(character).startswith("C") for character in text):
        found.append(
            Violation(path, "control_character", "มีอักขระที่แสดงไม่ได้", "There is a character that cannot be shown")
        )


def checked_contact(contact: Contact, found: list[Violation]) -> Contact:
    """The institution's contact in its one spelling."""
    phone = contact.phone and to_arabic_digits(contact.phone)
    return Contact(
        phone=_reachable(
            phone, "contact.phone", PHONE_LENGTH, _PHONE, found, "ต้องเป็นหมายเลขโทรศัพท์", "This has to be a phone number"
        ),
        email=_reachable(
            contact.email,
            "contact.email",
            EMAIL_LENGTH,
            _EMAIL,
            found,
            "ต้องเป็นที่อยู่อีเมล",
            "This has to be an e-mail address",
        ),
        website=_reachable(
            contact.website,
            "contact.website",
            WEBSITE_LENGTH,
            _WEBSITE,
            found,
            "ต้องเป็นที่อยู่เว็บที่ขึ้นต้นด้วย http:// หรือ https://",
            "This has to be a web address that begins with http:// or https://",
        ),
    )


def _reachable(
    text: str | None, path: str, longest: int, form: re.Pattern[str], found: list[Violation], th: str, en: str
) -> str | None:
    """A phone number, e-mail or web address in its one spelling; the form also keeps scripts off the public pages."""
    if text is None:
        return None
    value = line(text, path, longest, found)
    # Longer text was refused above; an expression is not run over it.
    if value and len(value) <= longest and not form.fullmatch(value):
        found.append(Violation(path, "wrong_form", th, en))
    return value
