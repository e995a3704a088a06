"""How alike two titles are, told without keeping either: a sketch of 64 numbers under a secret key (MinHash).

Titles of tickets are typed by people and hold names and numbers ("password of Somying, 081..., refused"), so they are
stored sealed, and an index over them in the clear, whole words or the letters in threes that PostgreSQL's trigram index
keeps, would undo that. Keyed words would not help Thai, which puts no spaces between them; keyed trigrams could be read
by their frequencies. A sketch keeps of all trigrams only the smallest of 64 keyed orders, cut to 16 bits: enough to
estimate the share that two titles have in common (Jaccard; standard error 6 percentage points), too little to spell
either. Digits are left out: they say who, not what.
"""

from __future__ import annotations

import hashlib
import unicodedata

from shared.security.blind_index import BlindIndex

COMPONENTS = 64
ALIKE = 0.25
"""Of two titles that say the same in other words some third of the trigrams agree; of unrelated ones hardly a tenth."""

_GRAM = 3
_BITS = 16


class Likeness:
    """Makes sketches under a key derived from the blind index."""

    def __init__(self, index: BlindIndex) -> None:
        self._key = index.of("likeness", "")

    def sketch(self, text: str) -> list[int]:
        """Return the sketch of a text: 64 numbers below 2^22, each with its place, so that sets of them compare.

        A text without letters has an empty one, which is like nothing.
        """
        grams = _grams(text)
        if not grams:
            return []
        # Each trigram gives 64 hashes of 32 bits, four digests of 64 bytes; their minima are the sketch.
        rows = [self._hashes(gram) for gram in grams]
        return [place << _BITS | min(row[place] for row in rows) & (1 << _BITS) - 1 for place in range(COMPONENTS)]

    def _hashes(self, gram: str) -> list[int]:
        hashes: list[int] = []
        for part in range(4):
            digest = hashlib.blake2b(gram.encode(), digest_size=64, key=self._key, salt=bytes([part])).digest()
            hashes += [int.from_bytes(digest[at : at + 4]) for at in range(0, 64, 4)]
        return hashes


def _grams(text: str) -> set[str]:
    kept = "".join(
        letter
        for letter in unicodedata.normalize("NFC", text).casefold()
        if unicodedata.category(letter)[0] in "LM"  # letters, and the vowels and tone marks above and below them
    )
    if not kept:
        return set()
    return {kept[at : at + _GRAM] for at in range(max(1, len(kept) - _GRAM + 1))}
