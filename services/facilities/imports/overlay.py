"""What a row of a list makes of a place: its fields laid over those that the place has."""

from collections.abc import Mapping
from typing import Any, Final

from services.facilities.domain.checks import checked
from services.facilities.domain.kinds import Kinds
from services.facilities.domain.places import Content
from services.facilities.fields import FacilityFields

NOT_OF_A_PLACE: Final = frozenset({"facility_id", "revision"})
_IN_PARTS: Final = frozenset({"details", "contact"})


def laid_over(draft: Mapping[str, Any], known: Mapping[str, Any], *, clears: bool) -> dict[str, Any]:
    """The fields of a place, `known`, with those of a row's draft in their places.

    clears: an empty cell empties the field, as in a list that was downloaded here; otherwise it says nothing.
    """
    result = dict(known)
    for field, value in draft.items():
        if field in NOT_OF_A_PLACE:
            continue
        if field in _IN_PARTS:
            result[field] = laid_over(value, known.get(field) or {}, clears=clears)
        elif value not in (None, [], "") or clears:
            result[field] = value
    return result


def content_of(fields: Mapping[str, Any], kinds: Kinds, *, position_known: bool = False) -> Content:
    """The content of a place with such fields; raises `InvalidContent`.

    position_known: the register has it already, so that somebody has judged it before.
    """
    return checked(draft_of(fields), kinds, position_confirmed=position_known)


def draft_of(fields: Mapping[str, Any]) -> Content:
    """The content of fields that were checked before."""
    return FacilityFields.model_validate(fields).draft()
