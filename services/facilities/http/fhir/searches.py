"""What is asked for by FHIR's search parameters, as conditions on places and institutions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.facilities.http.fhir import names, parameters
from services.facilities.http.fhir.addresses import COUNTRY, Match, Part, subdistricts_named
from services.facilities.http.fhir.locations import CLOSED, OCCUPIED, ROLES, STATUS, UNOCCUPIED
from services.facilities.http.fhir.organisations import PROVIDER
from services.facilities.http.fhir.parameters import Asked, Modifier, Moments, Token
from services.facilities.store import locations, organisations
from services.facilities.store.conditions import NOTHING, Condition, either
from services.facilities.store.locations import Near

_TEXT: Final = frozenset({Modifier.EXACT, Modifier.CONTAINS})
_CODE: Final = frozenset({Modifier.NOT})
_NONE: Final[frozenset[Modifier]] = frozenset()

RESULT: Final[Mapping[str, frozenset[Modifier]]] = dict.fromkeys(
    ("_count", "_summary", "_total", "_format", "_pretty", "_cursor"), _NONE
)
"""Parameters that say how the answer shall be, not what shall be in it."""
_COMMON: Final[Mapping[str, frozenset[Modifier]]] = {
    "_id": _NONE,
    "_lastUpdated": _NONE,
    "identifier": _NONE,
    "name": _TEXT,
    "address": _TEXT,
    "address-state": _TEXT,
    "address-city": _TEXT,
    "address-country": _TEXT,
    "type": _CODE,
}
LOCATION: Final[Mapping[str, frozenset[Modifier]]] = {
    **RESULT,
    **_COMMON,
    "near": _NONE,
    "status": _CODE,
    "operational-status": _CODE,
    "organization": _NONE,
}
"""The parameters of a search for Locations, with the modifiers that each takes."""
ORGANIZATION: Final[Mapping[str, frozenset[Modifier]]] = {**RESULT, **_COMMON, "active": _CODE}
"""The same for Organizations."""

_PARTS: Final = {"address-state": (Part.STATE,), "address-city": (Part.CITY,), "address": tuple(Part)}
_ALWAYS: Final = Condition("true")


@dataclass(frozen=True, slots=True)
class LocationSearch:
    """Which places, and around where."""

    conditions: Sequence[Condition]
    near: Near | None


@dataclass(frozen=True, slots=True)
class OrganizationSearch:
    """Which institutions, by their foremost place and by the whole."""

    narrowing: Sequence[Condition]
    conditions: Sequence[Condition]


def location_search(asked: Sequence[Asked], kinds: Sequence[str]) -> LocationSearch:
    """The search for places; raises a 400 problem. kinds: all that there are."""
    conditions, around = [], None
    for each in asked:
        if each.name == "near":
            if around is not None or len(each.alternatives) > 1:
                raise parameters.bad(each.name, "repeated", "ระบุได้จุดเดียว", "Only one position can be named")
            around = parameters.near(each.name, each.alternatives[0])
        elif each.name not in RESULT:
            conditions.append(_condition(each, _one_location(each, kinds)))
    return LocationSearch(conditions, around)


def organization_search(asked: Sequence[Asked]) -> OrganizationSearch:
    """The search for institutions; raises a 400 problem."""
    narrowing: list[Condition] = []
    conditions: list[Condition] = []
    for each in asked:
        if each.name in RESULT:
            continue
        whole = each.name in ("active", "type", "_lastUpdated")
        (conditions if whole else narrowing).append(_condition(each, _one_organization(each)))
    return OrganizationSearch(narrowing, conditions)


def _condition(asked: Asked, one: Callable[[str], Condition]) -> Condition:
    found = either([one(value) for value in asked.alternatives])
    return found.negated() if asked.modifier is Modifier.NOT else found


def _one_location(asked: Asked, kinds: Sequence[str]) -> Callable[[str], Condition]:
    by_token: Mapping[str, Callable[[Token], Condition]] = {
        "identifier": _identifier,
        "type": lambda token: _type(token, kinds),
        "status": _status,
        "operational-status": _operational_status,
    }
    if asked.name in by_token:
        return lambda value: by_token[asked.name](parameters.token(value))
    if asked.name == "_id":
        return _of_id
    if asked.name == "organization":
        return _organization
    return _one_of_both(asked)


def _one_organization(asked: Asked) -> Callable[[str], Condition]:
    by_token: Mapping[str, Callable[[Token], Condition]] = {
        "identifier": _official_code,
        "type": _organization_type,
        "active": _active,
    }
    if asked.name in by_token:
        return lambda value: by_token[asked.name](parameters.token(value))
    if asked.name == "_id":
        return lambda value: locations.of_codes([value])
    return _one_of_both(asked)


def _one_of_both(asked: Asked) -> Callable[[str], Condition]:
    if asked.name == "_lastUpdated":
        return lambda value: _updated(parameters.moments(asked.name, value))
    if asked.name == "name":
        return lambda value: _named(parameters.text(value), asked.modifier)
    if asked.name == "address-country":
        return lambda value: _ALWAYS if _in_country(parameters.text(value), asked.modifier) else NOTHING
    return lambda value: _address(asked, parameters.text(value))


def _of_id(value: str) -> Condition:
    found = uuid_of(value)
    return NOTHING if found is None else locations.of_ids([found])


def uuid_of(text: str) -> UUID | None:
    """The id of a place in its one spelling; None for any other text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def _identifier(token: Token) -> Condition:
    own = uuid_of(token.code.removeprefix("urn:uuid:"))
    of_own = NOTHING if own is None or token.system not in (None, names.UUID) else locations.of_ids([own])
    return either([_official_code(token), of_own])


def _official_code(token: Token) -> Condition:
    return locations.of_codes([token.code]) if token.system in (None, names.OFFICIAL_CODE) else NOTHING


def _type(token: Token, kinds: Sequence[str]) -> Condition:
    by_role = [kind for kind, (role, _) in ROLES.items() if role == token.code and token.system in (None, names.ROLE)]
    by_kind = [kind for kind in kinds if kind == token.code and token.system in (None, names.KINDS)]
    return locations.of_kinds([*by_role, *by_kind])


def _status(token: Token) -> Condition:
    of_fhir = token.system in (None, "http://hl7.org/fhir/location-status")
    return locations.of_status([ours for ours, theirs in STATUS.items() if of_fhir and theirs == token.code])


def _operational_status(token: Token) -> Condition:
    known = {CLOSED[0]: locations.SHUT, OCCUPIED[0]: locations.OCCUPIED, UNOCCUPIED[0]: locations.UNOCCUPIED}
    return known.get(token.code, NOTHING) if token.system in (None, names.BED_STATUS) else NOTHING


def _organization(value: str) -> Condition:
    code = parameters.reference(value, "Organization")
    return NOTHING if code is None else locations.managed_by(code)


def _organization_type(token: Token) -> Condition:
    known = token.code == PROVIDER[0] and token.system in (None, names.ORGANISATION_TYPE)
    return _ALWAYS if known else NOTHING


def _active(token: Token) -> Condition:
    if token.code not in ("true", "false"):
        raise parameters.bad("active", "not_true_or_false", "ต้องเป็น true หรือ false", "This has to be true or false")
    return organisations.ACTIVE if token.code == "true" else organisations.ACTIVE.negated()


def _updated(moments: Moments) -> Condition:
    found = locations.updated(moments.since, moments.until)
    return found.negated() if moments.outside else found


def _named(text: str, modifier: Modifier | None) -> Condition:
    if modifier is Modifier.EXACT:
        return locations.named_exactly(text)
    if modifier is Modifier.CONTAINS:
        return locations.with_name_containing(text)
    return locations.named(text)


def _address(asked: Asked, text: str) -> Condition:
    if asked.name == "address" and _in_country(text, asked.modifier):
        return _ALWAYS
    return locations.in_areas(subdistricts_named(text, _PARTS[asked.name], _match(asked.modifier)))


def _in_country(text: str, modifier: Modifier | None) -> bool:
    return text == COUNTRY if modifier is Modifier.EXACT else text.upper() == COUNTRY


def _match(modifier: Modifier | None) -> Match:
    return {Modifier.EXACT: Match.EXACT, Modifier.CONTAINS: Match.CONTAINS}.get(modifier or Modifier.NOT, Match.STARTS)
