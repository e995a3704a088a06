"""What a search for a person asks by: keyed hashes of the phone number and of the words of the name.

64 bits each: nobody without the key can make or read one, and of the few million words in use no two meet in one
village by chance. Only persons to reach have them.
"""

from collections.abc import Sequence
from typing import Final

from shared.security.blind_index import BlindIndex
from shared.security.identifiers import mobile_number

MOST_WORDS: Final = 6
"""Of a name: more than a first name and a long surname have."""
_PHONE: Final = b"surveyed-phone"  # kinds of their own: these hashes meet no other database's
_WORD: Final = b"surveyed-name"


def phone_token(blind_index: BlindIndex, phone: str) -> int:
    """The token of a mobile number in any spelling; raises `InvalidIdentifier`."""
    return blind_index.token(_PHONE, mobile_number(phone))


def name_tokens(blind_index: BlindIndex, words: Sequence[str]) -> list[int]:
    """The tokens of a name's words, as `spelling.words_of` gives them; a search asks for all that it was given."""
    return [blind_index.token(_WORD, word) for word in words[:MOST_WORDS]]
