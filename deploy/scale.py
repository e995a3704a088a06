"""How many processes of a kind there are. Standard library only: the command line is read with it before the set-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST: Final = 8
"""Of each kind that can be more than one: 24 partitions are three for each of eight, and more processes than a machine
has cores take nothing faster. The ports are laid out for so many."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How many processes there are of each kind that can be more than one: from 1 to `MOST`."""

    recorders: int = 1
    intakes: int = 1
    projectors: int = 1


ONE_OF_EACH: Final = Scale()
LARGEST: Final = Scale(recorders=MOST, intakes=MOST, projectors=MOST)
