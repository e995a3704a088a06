"""`python -m tests.bench [NAME] [--seconds S] [--json FILE]`: measures, prints beside the raw limits, keeps as JSON."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.bench import end_to_end, intake, pipeline
from tests.bench.report import Figure

Bench = Callable[[float, Callable[[Figure], None]], Awaitable[None]]

BENCHES: dict[str, Bench] = {
    "intake": intake.run,
    "recorder": pipeline.recorder,
    "projector": pipeline.projector,
    "end-to-end": end_to_end.run,
}


def main() -> None:
    """Runs one benchmark or all."""
    parser = argparse.ArgumentParser(prog="jitasa bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=list(BENCHES), help="which one; all when left out")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each case lasts (default 10)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    figures: list[Figure] = []

    def show(figure: Figure) -> None:
        figure.show()
        figures.append(figure)

    for name in [given.name] if given.name else BENCHES:
        asyncio.run(_run(BENCHES[name], given.seconds, show))
    if given.json:
        given.json.write_text(
            json.dumps([figure.document() for figure in figures], ensure_ascii=False, indent=2) + "\n"
        )


async def _run(bench: Bench, seconds: float, show: Callable[[Figure], None]) -> None:
    await bench(seconds, show)


if __name__ == "__main__":
    main()
