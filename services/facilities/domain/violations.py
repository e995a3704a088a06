"""What is wrong with what somebody entered, field by field."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: where it stands, a stable code, and what is wrong in Thai and English."""

    path: str
    code: str
    th: str
    en: str


class InvalidContent(ValueError):
    """The content breaks at least one rule; `violations` names each."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(", ".join(f"{each.path}: {each.code}" for each in self.violations))
