"""Whom a directive reaches, and what may follow it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.registration.domain import directives as domain
from services.registration.domain.directives import Directive, DirectiveRefused
from shared.contracts.events import Role

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
DIRECTIVE = Directive(
    uuid4(), "50", "ชม 1", "ก", "ข", None, None, "5001", (Role.VOLUNTEER,), NOW + timedelta(days=1), None, NOW, uuid4()
)


@pytest.mark.parametrize(
    ("role", "area", "reached"),
    [
        (Role.VOLUNTEER, "5001", True),
        (Role.VOLUNTEER, "500101", True),
        (Role.VOLUNTEER, "50", False),
        (Role.VOLUNTEER, "", False),
        (Role.VOLUNTEER, "5002", False),
        (Role.PLACE_OFFICER, "5001", False),
    ],
)
def test_it_reaches_those_below_in_its_area(role: Role, area: str, reached: bool) -> None:
    assert domain.reaches(DIRECTIVE, role, area) is reached


def test_only_what_stands_is_overdue() -> None:
    after = NOW + timedelta(days=1, seconds=1)
    assert not domain.overdue(DIRECTIVE, NOW + timedelta(days=1))
    assert domain.overdue(DIRECTIVE, after)
    assert not domain.overdue(replace(DIRECTIVE, deadline=None), after)
    assert not domain.overdue(replace(DIRECTIVE, withdrawn_at=NOW), after)
    assert not domain.overdue(replace(DIRECTIVE, replaced_by=uuid4()), after)


def test_one_is_replaced_by_its_issuer_and_once() -> None:
    new = replace(DIRECTIVE, directive_id=uuid4(), replaces=DIRECTIVE.directive_id)
    domain.check_replaces(new, DIRECTIVE)
    for old, code in (
        (replace(DIRECTIVE, issuer=""), "not_the_issuer"),
        (replace(DIRECTIVE, withdrawn_at=NOW), "directive_withdrawn"),
        (replace(DIRECTIVE, replaced_by=uuid4()), "directive_replaced"),
    ):
        with pytest.raises(DirectiveRefused, match=code):
            domain.check_replaces(new, old)
