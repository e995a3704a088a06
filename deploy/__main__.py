"""The commands of `./jitasa`. The parser is standard library only: `deploy.setup` checks the command with it first."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from deploy.local.home import Home
from deploy.scale import MOST
from deploy.trouble import Trouble, of_os_error

NEEDS_SETUP = frozenset(
    {"demo", "up", "test", "bench", "admin", "conformance", "sandbox", "sbom", "capacity", "backup", "restore"}
)
NEEDS_TEST_PACKAGES = frozenset({"test", "bench", "sbom"})
"""Commands that need the tools; the others only look at what is there."""

_EPILOG = """\
JITASA_HOME       folder of everything that is made (default: .jitasa in the checkout; remove it to undo everything)
JITASA_PYTHON     the Python to make the virtual environment from (default: the fastest build on the PATH)
JITASA_PORT_BASE  first of the ports (default: 8100); a second stack needs another home and another base
"""


def parser() -> argparse.ArgumentParser:
    """The command line as documented in docs/operations.md."""
    whole = argparse.ArgumentParser(
        prog="jitasa", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="play a survey campaign into the live map and check every figure")
    demo.add_argument("--households", type=_count, default=20_000, metavar="N", help="households surveyed (20000)")
    demo.add_argument("--exit", action="store_true", help="leave when checked: 0 when exact, 1 when not")
    demo.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed plays the same campaign (1)")
    _add_scale(demo)

    up = commands.add_parser("up", help="start the stack without sample data")
    up.add_argument("--detach", action="store_true", help="return when everything is ready, and leave it running")
    _add_scale(up)
    up.add_argument("--monitoring", action="store_true", help="with Prometheus, if it is installed")
    up.add_argument(
        "--report-to", type=int, help=argparse.SUPPRESS
    )  # the file descriptor of the `up --detach` that waits

    commands.add_parser("down", help="stop the stack")
    status = commands.add_parser("status", help="what runs (exit code 0: all ready, 3: not)")
    status.add_argument("--json", action="store_true", help="for programs")

    logs = commands.add_parser("logs", help="what the processes have written")
    logs.add_argument("process", nargs="?", metavar="PROCESS", help="one process (default: the last lines of each)")
    logs.add_argument("--follow", action="store_true", help="go on until Ctrl-C")

    backup = commands.add_parser("backup", help="the running stack's database, and apart from it its keys")
    backup.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new backup in this folder")
    backup.add_argument("--keys", type=Path, required=True, metavar="FOLDER", help="its keys: another place, as safe")
    backup.add_argument("--follow", action="store_true", help="and every change from then on, until Ctrl-C")

    restore = commands.add_parser("restore", help="bring an empty home to a backup; then `up`")
    restore.add_argument("--from", dest="source", type=Path, required=True, metavar="FOLDER", help="folder of backups")
    restore.add_argument("--keys", type=Path, required=True, metavar="FOLDER", help="folder of their keys")
    restore.add_argument("--at", type=_moment, metavar="TIME", help="2022-02-05T08:00:00+07:00 (the last change)")

    commands.add_parser("test", help="run the tests; takes the arguments of pytest")
    commands.add_parser("bench", help="measure beside the machine's raw limits; --help tells more")
    commands.add_parser("conformance", help="try a subscriber's own consumer; --help tells more")
    commands.add_parser("sandbox", help="streams of made-up events for a subscriber's program; --help tells more")
    commands.add_parser("capacity", help="what a campaign needs of machines; --help tells more")
    commands.add_parser("sbom", help="what everything is made of, as CycloneDX; --help tells more")
    commands.add_parser(
        "admin", help="users, keys, close-month, reconcile, rebuild, dead-letters, gaps; --help tells more"
    )
    return whole


def parse(arguments: list[str]) -> argparse.Namespace:
    """The chosen command. What follows some of them is for others to read, all of it."""
    if arguments and arguments[0] in ("test", "bench", "admin", "conformance", "sandbox", "sbom", "capacity"):
        return argparse.Namespace(command=arguments[0], arguments=arguments[1:])
    return parser().parse_args(arguments)


def _add_scale(command: argparse.ArgumentParser) -> None:
    for what in ("recorders", "intakes", "projectors"):
        command.add_argument(
            f"--{what}",
            type=int,
            choices=range(1, MOST + 1),
            default=1,
            metavar="N",
            help=f"{what} to start, 1 to {MOST} (1)",
        )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("say in which zone, as in 2022-02-05T08:00:00+07:00")
    return moment


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    chosen = parse(arguments)
    from deploy.local import commands

    try:
        return commands.run(chosen)
    except Trouble as trouble:
        trouble.show()
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `jitasa logs | head`
        sys.stderr.close()
        return 0
    except OSError as error:
        known = of_os_error(error, Home.from_environment().root)
        if known is None:
            raise
        known.show()
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
