"""Who is asking: what a verified token says, in the form in which services use it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.events import Role
from shared.security.rights import RIGHTS, Right


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a verified token.

    `area` is the code prefix in which the role is held ("" is the whole country); `expires_at` is UTC and aware.
    """

    subject: UUID
    organisation: UUID | None
    role: Role
    area: str
    expires_at: datetime
    token_id: str

    def covers(self, area: str) -> bool:
        """Say whether `area` (a code of 0, 2, 4, 6 or 8 digits) is the holder's own area or lies inside it."""
        return area.startswith(self.area)

    def may(self, right: Right) -> bool:
        """Say whether the holder's role carries `right`. The area is judged apart, by `covers`."""
        return right in RIGHTS[self.role]
