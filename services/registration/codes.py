"""Codes and secrets: those that people type by hand, and those that only programs see."""

from __future__ import annotations

import hashlib
import secrets

from shared.areas.digits import to_arabic_digits

# No vowels, so that no word arises by chance, and none of 0 O, 1 I L, 2 Z, 5 S, 8 B, U V, which look alike on a poster.
_ALPHABET = "34679CDFGHJKMNPQRTWXY"
_GROUP_CODE_LETTERS = 8  # 21^8 = 3.8 * 10^10: with 10,000 codes alive, a guess in 4 million hits
_ATTENDANCE_LETTERS = 6  # 21^6 = 86 million: one of ten tries an hour hits once in 900 years, and a session has a day
_ONE_TIME_DIGITS = 6  # what people know from banks; 5 attempts leave a guesser 1 chance in 200,000
_SECRET_BYTES = 32


def new_group_code() -> str:
    """Make a group code, written as XXXX-XXXX."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_CODE_LETTERS))
    return f"{letters[:4]}-{letters[4:]}"


def typed_group_code(text: str) -> str | None:
    """Return a group code as we write it, however it was typed; None if it is none.

    Small letters, Thai digits, spaces and a missing hyphen do not matter.
    """
    letters = "".join(letter for letter in to_arabic_digits(text).upper() if letter.isalnum())
    if len(letters) != _GROUP_CODE_LETTERS or not set(letters) <= set(_ALPHABET):
        return None
    return f"{letters[:4]}-{letters[4:]}"


def attendance_code(digest: bytes) -> str:
    """Spell a keyed digest of 32 bytes as the code of a training session, like F4K-C9T."""
    number = int.from_bytes(digest)  # 256 bits: what the division leaves over favours no letter noticeably
    letters = ""
    for _ in range(_ATTENDANCE_LETTERS):
        number, place = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[place]
    return f"{letters[:3]}-{letters[3:]}"


def typed_attendance_code(text: str) -> str | None:
    """Return an attendance code as we write it, however it was typed; None if it is none."""
    letters = "".join(letter for letter in to_arabic_digits(text).upper() if letter.isalnum())
    if len(letters) != _ATTENDANCE_LETTERS or not set(letters) <= set(_ALPHABET):
        return None
    return f"{letters[:3]}-{letters[3:]}"


def new_one_time_code() -> str:
    """Make a code of six digits for one sign-in."""
    return f"{secrets.randbelow(10**_ONE_TIME_DIGITS):0{_ONE_TIME_DIGITS}}"


def typed_one_time_code(text: str) -> str | None:
    """Return the six digits that were typed, Thai or Arabic, with or without spaces; None if it is something else."""
    digits = "".join(to_arabic_digits(text).split())
    return digits if len(digits) == _ONE_TIME_DIGITS and digits.isascii() and digits.isdigit() else None


def new_secret() -> str:
    """Make a client secret or refresh token: 256 random bits in 43 characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> bytes:
    """Hash what `new_secret` made. One round of SHA-256 is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
