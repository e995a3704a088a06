"""`python -m tests.bench [NAME] [--seconds S] [--json [FILE]]`: measures beside the raw limits of the same run."""

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path

from tests.bench import (
    closing,
    documents,
    end_to_end,
    facilities,
    faults,
    growth,
    intake,
    overload,
    phones,
    pipeline,
    reach,
    read,
    readers,
    registration,
    replay,
    scale,
    soak,
    start,
    surge,
)
from tests.bench.report import Figure

Bench = Callable[[float, Callable[[Figure], None]], Awaitable[None]]

BENCHES: dict[str, Bench] = {
    "intake": intake.run,
    "recorder": pipeline.recorder,
    "lister": pipeline.lister,
    "projector": pipeline.projector,
    "end-to-end": end_to_end.run,
    "growth": growth.run,
    "rebuild": pipeline.rebuild,
    "read": read.run,
    "phones": phones.run,
    "closing": closing.run,
    "documents": documents.run,
    "reach": reach.run,
    "readers": readers.run,
    "registration": registration.run,
    "facilities": facilities.run,
    "replay": replay.run,
    "start": start.run,
    "scale": scale.run,
    "overload": overload.run,
    "faults": faults.run,
    "soak": soak.run,
    "surge": surge.run,
}
BY_NAME_ONLY = (
    "phones",
    "closing",
    "documents",
    "reach",
    "readers",
    "registration",
    "facilities",
    "replay",
    "soak",
    "surge",
)
"""Left out when all are run, which so end within 20 minutes: what is not on the way of a survey from intake into the
figures, and what lasts as long as one likes."""


SECONDS, SECONDS_OF_ALL = 10.0, 5.0
"""How long each case lasts, of one benchmark and of all."""
STANDARD_OUTPUT = Path("-")


def main() -> None:
    """Runs one benchmark or all."""
    parser = argparse.ArgumentParser(prog="jitasa bench", description=__doc__)
    parser.add_argument(
        "name",
        nargs="?",
        choices=list(BENCHES),
        help="which one; when left out, those of the way of a survey into the figures",
    )
    parser.add_argument("--seconds", type=float, help="how long each case lasts (default 10; 5 without a name)")
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=STANDARD_OUTPUT,
        help="where to write the figures; without a file to standard output, and what is told meanwhile to the other",
    )
    parser.add_argument(
        "--cold-setup", action="store_true", help="start: also with everything to be fetched, some 250 MB"
    )
    parser.add_argument(
        "--through-http", action="store_true", help="registration: everybody is registered through HTTP, ten minutes"
    )
    given = parser.parse_args()
    seconds = given.seconds or (SECONDS if given.name else SECONDS_OF_ALL)
    figures: list[Figure] = []
    failed: list[str] = []

    def show(figure: Figure) -> None:
        figure.show()
        figures.append(figure)

    benches = BENCHES | {
        "start": partial(start.run, cold_setup=given.cold_setup),
        "registration": partial(registration.run, through_http=given.through_http),
    }
    try:
        with redirect_stdout(sys.stderr) if given.json == STANDARD_OUTPUT else nullcontext():
            for name in [given.name] if given.name else [one for one in benches if one not in BY_NAME_ONLY]:
                began = time.monotonic()
                try:
                    asyncio.run(_run(benches[name], seconds, show))
                except Exception:  # whatever ends one, the others are measured all the same
                    traceback.print_exc()
                    failed.append(name)
                print(f"{name}: took {time.monotonic() - began:.0f} s\n", flush=True)
    finally:  # also what was measured before Ctrl-C
        _keep(figures, given.json)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


async def _run(bench: Bench, seconds: float, show: Callable[[Figure], None]) -> None:
    await bench(seconds, show)


def _keep(figures: list[Figure], file: Path | None) -> None:
    text = json.dumps([figure.document() for figure in figures], ensure_ascii=False, indent=2) + "\n"
    if file == STANDARD_OUTPUT:
        sys.stdout.write(text)
    elif file is not None:
        file.write_text(text)


if __name__ == "__main__":
    main()
