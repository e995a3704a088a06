"""How fast recorder and projector remain when millions of households are stored already."""

from collections.abc import Callable

from tests.bench import stored
from tests.bench.pipeline import WORKERS, drain_with
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, setting

STORED = (0, 1_000_000, 5_000_000)
"""Households before the drain; the drained ones of the case before are among them."""
PER_SECOND = 15_000
"""Households drained for each second asked for: as many in every case."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Drains the same number of records into stores of three sizes."""
    households = int(PER_SECOND * seconds)
    empty: dict[str, float] = {}
    with setting(INTAKE) as found:
        for number, size in enumerate(STORED):
            if size:
                await stored.grow_survey(found, size)
                await stored.grow_reporting(found, size)
            accepted = await found.prefill(households, seed=20 + number)
            for bench in ("recorder", "projector"):
                figure = await drain_with(found, bench, f"{bench}, {size // 1_000_000} million stored", accepted)
                await found.stop(WORKERS[bench][1])
                figure.bench = "growth"
                rate = empty.setdefault(bench, figure.rate)
                figure.notes["part of the empty store's rate"] = round(figure.rate / rate, 2)
                figure.notes["database MB"] = await stored.megabytes(found, WORKERS[bench][0])
                show(figure)
