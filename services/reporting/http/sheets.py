"""An answer as a table for spreadsheets: its rows flat, each with how new they are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from shared.tables.writing import BYTE_ORDER_MARK, csv_rows

LISTS: Final = ("rows", "items", "months")
"""Under which of these names an answer holds its rows."""


@runtime_checkable
class Sheet(Protocol):
    """An answer that knows its own lines."""

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """The lines, each by the names of its columns."""


def is_sheet(content: Any) -> bool:
    """Whether the answer has rows."""
    return isinstance(content, Sheet) or any(hasattr(content, name) for name in LISTS)


def sheet(content: Any) -> bytes:
    """The answer's rows as CSV in UTF-8 with a byte order mark; a part of a part has a column such as `one_dose.ratio`.

    The last columns are `as_of`, the time of the newest event in the figures, and `lag`, the events that wait.
    """
    lines = [dict(_flat(line)) for line in _lines(content)]
    columns: dict[str, None] = {}
    for line in lines:
        columns |= dict.fromkeys(line)
    newness = _newness(getattr(content, "as_of", None))
    heads = [*columns, *newness]
    body = ([*(line.get(column) for column in columns), *newness.values()] for line in lines)
    return (BYTE_ORDER_MARK + csv_rows([heads, *body])).encode()


def _lines(content: Any) -> Sequence[Any]:
    if isinstance(content, Sheet):
        return list(content.lines())
    name = next(name for name in LISTS if hasattr(content, name))
    found: Sequence[Any] = msgspec.to_builtins(getattr(content, name), str_keys=True)
    return found


def _flat(part: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _newness(as_of: Any) -> dict[str, Any]:
    if not isinstance(as_of, Mapping):
        return {}
    streams = list(as_of.values())
    times = [stream.time for stream in streams if stream.time is not None]
    lags = [stream.lag for stream in streams]
    return {
        "as_of": max(times).isoformat() if times else None,
        "lag": None if None in lags else sum(lags),
    }
