"""`python -m tests.simulation SEED` replays a schedule and shows its trace; `--schedules N` runs many on all cores.

A seed stands for the same schedule on every machine, as long as neither the simulation nor the code under it changes.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict

from tests.simulation.variants import VARIANTS


def main() -> int:
    """The command."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of topics and partitions are gone through in the order of their hashes: it has to be the same every time.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606 - this very program
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this schedule")
    parser.add_argument("--schedules", type=int, metavar="N", help="run N schedules")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first of them (default: 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="P", help="side by side")
    parser.add_argument("--variant", choices=VARIANTS, help="break the protocol in this way")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON, from one process")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return _replay(arguments.seed, arguments.variant)
    if arguments.schedules is None:
        parser.error("give a seed, or --schedules N")
    if arguments.json:
        return _run_here(arguments)
    return _run_side_by_side(arguments)


def _replay(seed: int, variant: str | None) -> int:
    from tests.simulation.runner import trace

    lines, wrong = trace(seed, variant)
    print("\n".join(lines))
    print(f"seed {seed}: {wrong or 'exact'}")
    return 1 if wrong else 0


def _run_here(arguments: argparse.Namespace) -> int:
    from tests.simulation.runner import run

    seeds = range(arguments.first, arguments.first + arguments.schedules)
    outcome = run(seeds, arguments.variant, most_failures=1 if arguments.variant else 5)
    print(json.dumps(asdict(outcome)))
    return 1 if outcome.failures else 0


def _run_side_by_side(arguments: argparse.Namespace) -> int:
    share, rest = divmod(arguments.schedules, arguments.processes)
    first, parts = arguments.first, []
    for number in range(arguments.processes):
        many = share + (number < rest)
        command = [sys.executable, "-m", "tests.simulation", "--json", "--schedules", str(many), "--first", str(first)]
        if arguments.variant:
            command += ["--variant", arguments.variant]
        parts.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        first += many
    outcomes = []
    for part in parts:
        output, _ = part.communicate()
        if not output:
            print("a part ended without an outcome")
            return 2
        outcomes.append(json.loads(output))
    failures = {seed: wrong for outcome in outcomes for seed, wrong in outcome["failures"].items()}
    for seed, wrong in failures.items():
        variant = f" --variant {arguments.variant}" if arguments.variant else ""
        print(f"seed {seed}: {wrong}\n    replay: python -m tests.simulation {seed}{variant}")
    schedules = sum(outcome["schedules"] for outcome in outcomes)
    steps = sum(outcome["steps"] for outcome in outcomes)
    faults = sum(sum(outcome["faults"].values()) for outcome in outcomes)
    seconds = max(outcome["seconds"] for outcome in outcomes)
    print(
        f"{schedules} schedules, {steps} steps and {faults} faults in {seconds:.1f} s: "
        f"{schedules / seconds:.0f} a second on {len(parts)} processes; {len(failures)} failed"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
