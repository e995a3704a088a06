"""The rules of directives: who sends to whom, when an acknowledgement is due, and that nothing sent is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.registration.domain.people import Refused
from shared.contracts.events import Role

FARTHEST_DEADLINE = timedelta(days=366)
"""A year: a deadline beyond it is nobody's."""
MAX_FILES = 3
"""A letter, its table and its form."""
ADDRESSABLE = frozenset(Role) - {Role.EXTERNAL_SYSTEM}
"""Roles of people. Programs acknowledge nothing by name."""


class DirectiveRefused(Refused):
    """A rule forbids it.

    `code` is one of reference_taken, directive_withdrawn, directive_replaced, not_the_issuer.
    """


@dataclass(frozen=True, slots=True)
class Directive:
    """A message to everybody who holds one of `roles` in `area`, now or later.

    `issuer` is the area for which it was sent: "" is the centre, two digits a province. `withdrawn_at` and
    `replaced_by` are all that is ever added to it.
    """

    directive_id: UUID
    issuer: str
    reference: str
    title_th: str
    text_th: str
    title_en: str | None
    text_en: str | None
    area: str
    roles: tuple[Role, ...]
    deadline: datetime | None
    replaces: UUID | None
    sent_at: datetime
    sent_by: UUID
    withdrawn_at: datetime | None = None
    withdrawal_reason: str | None = None
    replaced_by: UUID | None = None

    @property
    def stands(self) -> bool:
        """Whether it still asks for anything."""
        return self.withdrawn_at is None and self.replaced_by is None


def reaches(directive: Directive, role: Role, area: str) -> bool:
    """Say whether somebody who holds `role` in `area` is meant. Those above the area are not below it."""
    return role in directive.roles and area.startswith(directive.area)


def overdue(directive: Directive, now: datetime) -> bool:
    """Say whether who has not acknowledged is late."""
    return directive.stands and directive.deadline is not None and directive.deadline < now


def check_stands(directive: Directive) -> None:
    """Raise `DirectiveRefused` for one that was withdrawn or replaced."""
    if directive.withdrawn_at is not None:
        raise DirectiveRefused("directive_withdrawn")
    if directive.replaced_by is not None:
        raise DirectiveRefused("directive_replaced")


def check_replaces(new: Directive, old: Directive) -> None:
    """Raise `DirectiveRefused` unless `new` may take the place of `old`: the same issuer's, and still standing."""
    if new.issuer != old.issuer:
        raise DirectiveRefused("not_the_issuer")
    check_stands(old)
