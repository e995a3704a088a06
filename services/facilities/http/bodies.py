"""A place as it is sent."""

from typing import Any, Final
from uuid import UUID

from pydantic import model_validator

from services.facilities.domain.checks import checked
from services.facilities.domain.kinds import Kinds
from services.facilities.domain.places import Content
from services.facilities.domain.violations import InvalidContent
from services.facilities.fields import FacilityFields
from services.facilities.http.parts import invalid

READ_ONLY: Final = frozenset(
    {"created_at", "updated_at", "confirmed_at", "revision", "overdue", "open_now", "merged_into"}
)
"""Given in answers and ignored in requests, so that an answer can be edited and sent back."""


class FacilityBody(FacilityFields):
    """A place as its officer enters it.

    position_confirmed: somebody has looked at a position outside the district; shared_code: another place of this kind
    has the same official code, rightly.
    """

    facility_id: UUID | None = None
    position_confirmed: bool = False
    shared_code: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, data: Any) -> Any:
        return (
            {name: value for name, value in data.items() if name not in READ_ONLY} if isinstance(data, dict) else data
        )

    def content(self, kinds: Kinds) -> Content:
        """The content in its one spelling; raises a problem that names every bad field."""
        try:
            return checked(self.draft(), kinds, position_confirmed=self.position_confirmed)
        except InvalidContent as error:
            raise invalid(error.violations) from None
