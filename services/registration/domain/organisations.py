"""The rules of organisations: which one may belong to which."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.registration.domain.people import Organisation

DEEPEST = 20
"""Organisations above one another: ministry, department, office, division ... have seven at the most. Whoever follows
them to the top has an end, whatever the data."""


class Unfit(Exception):
    """An organisation cannot belong to this parent. `code` is one of parent_area, parent_cycle, parent_depth."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_parent(organisation_id: UUID, area: str, parent: Organisation, above: Sequence[UUID]) -> None:
    """Raise `Unfit` unless an organisation of `area` may belong to `parent`.

    above: the ids of the parent and of all organisations above it.
    """
    if not area.startswith(parent.area):
        raise Unfit("parent_area")
    if organisation_id in above:
        raise Unfit("parent_cycle")
    if len(above) >= DEEPEST:
        raise Unfit("parent_depth")
