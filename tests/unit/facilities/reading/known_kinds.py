"""The register's kinds: the directive's five, and one that is data."""

from services.facilities.domain.kinds import STANDARD, Kind

KINDS = (*STANDARD.values(), Kind("cremation_temple", "วัดที่รับฌาปนกิจ", "Cremation temple", False, frozenset()))
