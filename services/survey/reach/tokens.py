"""What a search for a person asks by: keyed hashes of the phone number and of the words of the name.

64 bits of an HMAC each: nobody without the key can make or read one, and of the few million words in use no two meet in
one village by chance. Only persons to reach have them.
"""

from contextlib import suppress
from typing import Final

from shared.security.blind_index import BlindIndex
from shared.security.identifiers import InvalidIdentifier, mobile_number
from shared.security.spelling import words_of

MOST_WORDS: Final = 6
"""Of a name: more than a first name and a long surname have."""
_PHONE: Final = "surveyed-phone"  # kinds of their own: these hashes meet no other database's
_WORD: Final = "surveyed-name"


def phone_token(blind_index: BlindIndex, phone: str) -> int:
    """The token of a mobile number in any spelling; raises `InvalidIdentifier`."""
    return _token(blind_index, _PHONE, mobile_number(phone))


def name_tokens(blind_index: BlindIndex, name: str) -> list[int]:
    """The tokens of a name's words, without its title; a search asks for all that it was given."""
    return [_token(blind_index, _WORD, word) for word in words_of(name)[:MOST_WORDS]]


def tokens_of(blind_index: BlindIndex, name: str | None, phone: str | None) -> tuple[int, ...]:
    """The tokens of a person, each once; a number that is none has no token."""
    tokens = name_tokens(blind_index, name) if name else []
    if phone:
        with suppress(InvalidIdentifier):
            tokens.append(phone_token(blind_index, phone))
    return tuple(dict.fromkeys(tokens))


def _token(blind_index: BlindIndex, kind: str, text: str) -> int:
    return int.from_bytes(blind_index.of(kind, text)[:8], signed=True)  # PostgreSQL's bigint is signed
