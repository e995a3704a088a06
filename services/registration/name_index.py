"""Finding a person by the beginning of a name that is stored sealed: keyed hashes of the beginnings of its words.

64 bits of each are enough: among the few million beginnings of Thai names two meet once in millions of years of names,
and names are compared in the clear once they are opened. Whoever reads the table without the key learns which persons
share a beginning, and nothing about what it is.
"""

from __future__ import annotations

from services.registration.domain.names import LONGEST_PREFIX, prefixes, searched
from shared.security.blind_index import BlindIndex

_KIND = "name-prefix"


def tokens_of_name(index: BlindIndex, name: str) -> list[int]:
    """Return the tokens under which a person of this name is found."""
    return sorted(_token(index, prefix) for prefix in prefixes(name))


def tokens_of_search(index: BlindIndex, text: str) -> list[int]:
    """Return the tokens that all have to be among a person's for the person to be found by `text`."""
    return sorted({_token(index, word[:LONGEST_PREFIX]) for word in searched(text)})


def _token(index: BlindIndex, prefix: str) -> int:
    return int.from_bytes(index.of(_KIND, prefix)[:8], signed=True)
