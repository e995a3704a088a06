"""What somebody orders: which month of which area, broken down to which level, in which form."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

from services.reporting.documents.numerals import Language
from services.reporting.months.answers import RANKED_BY, RowLevel

Form = Literal["csv", "xlsx", "pdf"]

MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a formal letter says of itself; an empty field is a dotted line, to be filled in by hand.

    reference: the number of the letter ("มท ๐๒๓๐/ว ๘๓๓"); signer, position: who answers for the figures.
    """

    reference: str = ""
    signer: str = ""
    position: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One document. Two orders that are equal are of the same document.

    month: its first day. revision: of a closed month; 0 is as it is counted now. made_on: the day that stands on the
    letter. sort: the figure that rows are ranked by. organisation: only what was done for it.
    """

    month: date
    revision: int
    area: str
    level: RowLevel
    form: Form
    language: Language
    made_on: date
    sort: str = RANKED_BY
    organisation: UUID | None = None
    letterhead: Letterhead = Letterhead()

    @property
    def file_name(self) -> str:
        """What a browser calls the file: Latin letters alone, which every system takes."""
        parts = ["performance", f"{self.month:%Y-%m}", self.area or "th", self.level]
        if self.revision > 1:
            parts.append(f"revision-{self.revision}")
        return f"{_NOT_IN_A_NAME.sub('-', '-'.join(parts))}.{self.form}"
