"""The one statement of a batch."""

from services.reporting import projector
from services.reporting.notices import NOTIFY
from services.reporting.projector import addition, parameters, together

CACHED_BYTES = 15 * 1024
"""asyncpg keeps statements up to this size prepared; a longer one is planned for every batch."""


def test_parameters_of_several_statements_follow_each_other() -> None:
    first = addition("counted", {"area": "text", "day": "date"}, ["persons", "households"])
    statement = together((first, addition("counted_ever", {"area": "text"}, ["persons"])), NOTIFY)
    assert sorted(parameters(statement)) == list(range(1, 8))
    assert "write_1 AS (" + first + ")" in statement
    assert "unnest($4::text[])" in statement
    assert statement.endswith("SELECT pg_notify($6, line) FROM unnest($7::text[]) AS line")


def test_the_statement_for_all_tables_stays_prepared() -> None:
    writes = [value for name, value in vars(projector).items() if name.startswith(("ADD_", "PUT_", "NOTE_"))]
    assert len(writes) == 14
    assert len(together(tuple(writes), NOTIFY)) < CACHED_BYTES
