"""What a reader may see of very few persons: nothing, or everything inside an area of his."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from services.reporting.answers import Figures
from services.reporting.areas import DIGITS, areas_of
from services.reporting.http.areas import Asked
from shared.areas.suppression import withheld
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import optional_principal


@dataclass(frozen=True, slots=True)
class Sight:
    """exact: the code of the area in which the reader sees everything; None: of nowhere."""

    exact: str | None

    def hidden(self, asked: Asked, figures: Mapping[str, Figures], districts: Collection[str] = ()) -> frozenset[str]:
        """The areas whose figures are withheld from the reader; figures: of every area inside `asked.around`;
        districts: those in which all subdistricts are withheld whatever they have."""
        return self.hidden_of(asked, {code: found.persons for code, found in figures.items()}, districts)

    def may_hide(self, asked: Asked) -> bool:
        """Whether anything may be withheld."""
        return asked.level == "subdistrict" and (self.exact is None or not asked.area.startswith(self.exact))

    def hidden_of(self, asked: Asked, persons: Mapping[str, int], districts: Collection[str] = ()) -> frozenset[str]:
        """The same, by the persons of every area that has any, and with everything in some districts."""
        if not self.may_hide(asked):
            return frozenset()
        everywhere = {area.code: 0 for area in areas_of(asked.around, "subdistrict")} | dict(persons)
        found = withheld(everywhere) | {code for code in everywhere if code[: DIGITS["district"]] in districts}
        exact = self.exact
        return found if exact is None else frozenset(code for code in found if not code.startswith(exact))

    def key(self, asked: Asked) -> str | None:
        """What of this makes two answers differ."""
        return self.exact if asked.level == "subdistrict" else None


def _sight(reader: Annotated[Principal | None, Depends(optional_principal)]) -> Sight:
    """What the bearer of the token sees; without one, what everybody does."""
    return Sight(reader.area if reader is not None and reader.may(Right.FIGURES_EXACT) else None)


SightOf = Annotated[Sight, Depends(_sight)]
