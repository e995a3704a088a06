"""Names of persons and organisations: what may stand in one, and by which beginnings a person is found."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from shared.security.spelling import TITLES, canonical
from shared.tables.cells import FORMULA_MARKS

SHORTEST_PREFIX, LONGEST_PREFIX = 2, 6
"""Characters of a word by which a person is found. One letter would name a tenth of the country; after six, few names
are left, and these are compared in the clear once they are opened."""


class UnusableName(ValueError):
    """`code` is one of control_characters, no_letters, formula."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def clean_name(text: str) -> str:
    """Return a name in NFC, trimmed, with single spaces and without what cannot be seen. Raises `UnusableName`.

    Zero-width spaces and joiners come from Thai keyboards and word breakers, marks of direction from copying: they are
    left out in silence, since they would make two names of one. Control characters are never typed, and are refused.
    """
    seen = []
    for letter in unicodedata.normalize("NFC", text).strip():
        category = unicodedata.category(letter)
        if category == "Cf":
            continue
        if category in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise UnusableName("control_characters")
        seen.append(letter)
    name = " ".join("".join(seen).split())
    if name and name[0] in FORMULA_MARKS:
        raise UnusableName("formula")
    if name and not any(letter.isalpha() for letter in name):
        raise UnusableName("no_letters")
    return name


def words(name: str) -> list[str]:
    """Return the words of a name as they are compared: canonical, the first one also without its title."""
    found = [canonical(word) for word in name.split()]
    found = [word for word in found if word]
    if found:
        for title in TITLES:
            if found[0].startswith(title) and len(found[0]) > len(title):
                found.append(found[0].removeprefix(title))
                break
    return found


def prefixes(name: str) -> frozenset[str]:
    """Return every beginning of 2 to 6 characters of every word of a name."""
    return frozenset(_prefixes(name))


def _prefixes(name: str) -> Iterator[str]:
    for word in words(name):
        for length in range(SHORTEST_PREFIX, min(len(word), LONGEST_PREFIX) + 1):
            yield word[:length]


def searched(text: str) -> list[str]:
    """Return the words of a search; the list is empty when none has two characters, and shorter ones are left out."""
    found = [canonical(word) for word in text.split()]
    return [word for word in found if len(word) >= SHORTEST_PREFIX]


def matches(name: str, sought: list[str]) -> bool:
    """Say whether every word that is sought begins a word of `name`."""
    have = words(name)
    return all(any(word.startswith(each) for word in have) for each in sought)
