"""The kind of a place by its names, against the list of kinds that the register has."""

from __future__ import annotations

from typing import Protocol


class KindNames(Protocol):
    """A kind as the register lists it: its slug and its names."""

    @property
    def kind(self) -> str:
        """The slug, such as field_hospital."""

    @property
    def th(self) -> str:
        """The name in Thai."""

    @property
    def en(self) -> str:
        """The name in English."""
