"""`python -m tests.bench [NAME] [--seconds S] [--json FILE]`: measures, prints beside the raw limits, keeps as JSON."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from tests.bench import end_to_end, faults, growth, intake, overload, pipeline, read, scale, start
from tests.bench.report import Figure

Bench = Callable[[float, Callable[[Figure], None]], Awaitable[None]]

BENCHES: dict[str, Bench] = {
    "intake": intake.run,
    "recorder": pipeline.recorder,
    "projector": pipeline.projector,
    "end-to-end": end_to_end.run,
    "growth": growth.run,
    "rebuild": pipeline.rebuild,
    "read": read.run,
    "start": start.run,
    "scale": scale.run,
    "overload": overload.run,
    "faults": faults.run,
}


def main() -> None:
    """Runs one benchmark or all."""
    parser = argparse.ArgumentParser(prog="jitasa bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=list(BENCHES), help="which one; all when left out")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each case lasts (default 10)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument(
        "--cold-setup", action="store_true", help="start: also with everything to be fetched, some 250 MB"
    )
    given = parser.parse_args()
    figures: list[Figure] = []

    def show(figure: Figure) -> None:
        figure.show()
        figures.append(figure)

    benches = BENCHES | {"start": partial(start.run, cold_setup=given.cold_setup)}
    try:
        for name in [given.name] if given.name else benches:
            asyncio.run(_run(benches[name], given.seconds, show))
    finally:  # also what was measured before something failed
        if given.json:
            given.json.write_text(
                json.dumps([figure.document() for figure in figures], ensure_ascii=False, indent=2) + "\n"
            )


async def _run(bench: Bench, seconds: float, show: Callable[[Figure], None]) -> None:
    await bench(seconds, show)


if __name__ == "__main__":
    main()
