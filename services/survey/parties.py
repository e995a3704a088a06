"""Whose share of intake's room and of its turns a submission takes."""

from typing import TypeAlias

from shared.security.principal import Principal

Party: TypeAlias = int
"""An organisation, or a volunteer who belongs to none: the number of the UUID, as a key a tenth of the UUID itself."""


def party_of(principal: Principal) -> Party:
    """Whose share the principal's submissions take."""
    return (principal.organisation or principal.subject).int
