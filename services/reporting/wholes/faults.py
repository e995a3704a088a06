"""What is wrong with a cell of a list."""

from dataclasses import dataclass


class BadCell(ValueError):
    """A cell cannot be read. `code` is a stable word, `said` what its sentence names."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.said = said


@dataclass(frozen=True, slots=True)
class Fault:
    """One cell that is wrong: as a spreadsheet names it (`C14`), its column's title, code, and what the sentence
    names."""

    cell: str
    column: str
    code: str
    said: str
