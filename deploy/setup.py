"""Sets up what is missing below the home, then becomes `python -m deploy`. Standard library only.

Each part is stamped with a key of what it depends on once it is complete: a warm start compares a few short files, and
a part that was cut off in the middle has no stamp and is made again. What needs the packages is left to
`deploy.local.tools`, which runs inside the virtual environment made here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy import interpreters
from deploy.__main__ import NEEDS_SETUP, NEEDS_TEST_PACKAGES, parse
from deploy.local.home import CHECKOUT, Home
from deploy.progress import Progress, Step
from deploy.trouble import Trouble, disk_full, no_network, not_writable, of_os_error

RUNTIME_LOCK = CHECKOUT / "requirements.lock"
TEST_LOCK = CHECKOUT / "requirements-test.lock"
JAR_LIST = CHECKOUT / "deploy" / "local" / "jars.sha256"
WEB_FILES = (CHECKOUT / "package.json", CHECKOUT / "package-lock.json")
BROKER_RECIPE = CHECKOUT / "deploy" / "local" / "jvm.py"

NEEDED_MEGABYTES = 900
"""What a complete set of tools takes while it is made, see docs/operations.md."""

# What pip, npm and the Maven client write when the other side cannot be reached.
_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Max retries exceeded|"
    r"Temporary failure in name resolution|Network is unreachable|Connection refused|"
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH"
)


def main(arguments: list[str]) -> int:
    """Check the command, set up what it needs, and replace this process by the command itself."""
    command = parse(arguments).command  # a mistyped command ends here, before anything is fetched
    home = Home.from_environment()
    try:
        python = _interpreter(home.tools)
        if command in NEEDS_SETUP:
            _refuse_under_a_running_stack(home, testing=command in NEEDS_TEST_PACKAGES)
            prepare(home.tools, testing=command in NEEDS_TEST_PACKAGES)
        elif not python.exists():
            print("Nothing has been set up here, so nothing runs. (ยังไม่ได้ติดตั้ง จึงไม่มีอะไรทำงานอยู่)")
            return 0 if command == "down" else 3
        os.environ["JITASA_HOME"] = str(home.root)
        os.environ["JITASA_TOOLS"] = str(home.tools)
        os.execv(python, [str(python), "-m", "deploy", *arguments])  # noqa: S606 - no shell needed
    except Trouble as trouble:
        trouble.show()
        return 1
    except OSError as error:
        trouble_of_system = of_os_error(error, home.root)
        if trouble_of_system is None:
            raise
        trouble_of_system.show()
        return 1
    except KeyboardInterrupt:
        return 130


def prepare(tools: Path, *, testing: bool) -> None:
    """Make every part that is missing or out of date. Raises `Trouble`."""
    if not _stale(tools, testing):
        return
    with locked(tools):
        stale = _stale(tools, testing)  # again: whoever held the lock may have made them
        if not stale:
            return
        progress = Progress(len(stale))
        done = 0
        for part, install in ((VENV, _install_packages), (TEST_PACKAGES, _install_test_packages)):
            if part in stale:
                with progress.step(part_title(part)) as step:
                    install(tools, step, testing)
                stamp(tools, part)
                done += 1
        if done < len(stale):
            inside = [
                str(_interpreter(tools)),
                "-m",
                "deploy.local.tools",
                str(tools),
                str(done),
                str(len(stale)),
            ]
            if subprocess.run(inside, check=False).returncode:
                sys.exit(1)  # it has shown its trouble itself


VENV = "packages"
TEST_PACKAGES = "test-packages"
WEB = "web"
JARS = "kafka"
POSTGRES = "postgres"
AOT = "kafka-cache"
INSIDE = (WEB, JARS, POSTGRES, AOT)
"""The parts that are made inside the virtual environment, in this order."""

_TITLES = {
    VENV: "Python packages",
    TEST_PACKAGES: "Python packages for the tests",
    WEB: "Map library and font",
    JARS: "Apache Kafka",
    POSTGRES: "PostgreSQL",
    AOT: "Kafka's start-up cache",
}


def part_title(part: str) -> str:
    """The part's name as it is shown."""
    return _TITLES[part]


def key(part: str, tools: Path) -> str:
    """What the part was, or would now be, made from: a change of any of it makes the part stale."""
    sources: dict[str, tuple[object, ...]] = {
        # Not from the Pythons that happen to be on the PATH now: the one it was made from is still there.
        VENV: (tools, RUNTIME_LOCK),
        TEST_PACKAGES: (tools, RUNTIME_LOCK, TEST_LOCK),
        WEB: WEB_FILES,
        JARS: (JAR_LIST,),
        POSTGRES: (RUNTIME_LOCK, tools, platform.machine()),
        AOT: (JAR_LIST, RUNTIME_LOCK, BROKER_RECIPE, tools, platform.machine()),
    }
    digest = hashlib.sha256()
    for source in sources[part]:
        # The checkout's own files count by their content, everything else by its text.
        digest.update(source.read_bytes() if isinstance(source, Path) and source.is_file() else str(source).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def fresh(tools: Path, part: str) -> bool:
    """Whether the part is complete and made from what lies in the checkout now."""
    try:
        if part == VENV and not _interpreter(tools).exists():
            return False  # a link to a Python that has been removed since
        return (tools / "stamps" / part).read_text() == key(part, tools)
    except OSError:  # missing, or not to be reached: making it will say why
        return False


def stamp(tools: Path, part: str) -> None:
    """Say that the part is complete: the last thing its installation does."""
    folder = tools / "stamps"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{part}"
    unfinished.write_text(key(part, tools))
    unfinished.replace(folder / part)


def unstamp(tools: Path, part: str) -> None:
    """Say that the part is not complete: the first thing its installation does."""
    (tools / "stamps" / part).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(tools: Path) -> Iterator[None]:
    """Hold the tools for one set-up at a time; the system frees the lock of a set-up that was killed."""
    try:
        tools.mkdir(parents=True, exist_ok=True)
        lock = (tools / "lock").open("w")
    except OSError as error:
        raise of_os_error(error, tools) or _unusable(tools, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "Another set-up is running in this folder; waiting for it. (กำลังรอการติดตั้งอื่นที่ทำงานอยู่)", file=sys.stderr
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        except OSError as error:
            trouble = of_os_error(error, tools)
            if trouble is None:
                raise
            raise trouble from error


def _unusable(folder: Path, error: OSError) -> Trouble:
    return Trouble(
        f"The folder {folder} cannot be used: {error.strerror}. Choose another one with JITASA_HOME=/another/folder.",
        f"ใช้โฟลเดอร์ {folder} ไม่ได้: {error.strerror} กรุณากำหนด JITASA_HOME=/โฟลเดอร์/อื่น",
    )


def _interpreter(tools: Path) -> Path:
    return tools / "venv" / "bin" / "python"


def _refuse_under_a_running_stack(home: Home, *, testing: bool) -> None:
    """Raise `Trouble` when parts would be replaced that a running stack works with."""
    if not set(_stale(home.tools, testing)) - {TEST_PACKAGES} or not home.lock_file.exists():
        return
    with home.lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(
                "The checkout has changed what the running stack was made from.\n"
                "Stop it first (`./jitasa down`), then run this again.",
                "ซอร์สโค้ดเปลี่ยนไปจากที่ระบบซึ่งกำลังทำงานอยู่ใช้ กรุณาหยุดด้วย `./jitasa down` ก่อน แล้วสั่งอีกครั้ง",
            ) from None


def _stale(tools: Path, testing: bool) -> list[str]:
    wanted = (VENV, TEST_PACKAGES, *INSIDE) if testing else (VENV, *INSIDE)
    return [part for part in wanted if not fresh(tools, part)]


def _install_packages(tools: Path, step: Step, testing: bool) -> None:
    """Always a new virtual environment: one that was cut off, or holds an older lock's packages, is no base."""
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Trouble(
            f"This Python ({sys.executable}) comes without venv and pip.\n"
            f"Install them (Debian, Ubuntu: `apt-get install python3-venv` or `python{version}-venv`),\n"
            "then run this again.",
            f"Python ตัวนี้ ({sys.executable}) ไม่มี venv และ pip\n"
            f"กรุณาติดตั้ง (Debian, Ubuntu: `apt-get install python3-venv` หรือ `python{version}-venv`) แล้วสั่งอีกครั้ง",
        )
    free = shutil.disk_usage(tools).free // 1_000_000
    if free < NEEDED_MEGABYTES:
        raise disk_full(f"{tools} ({free} MB free, {NEEDED_MEGABYTES} MB needed)")
    for part in (VENV, TEST_PACKAGES):
        unstamp(tools, part)
    try:
        make_environment(tools / "venv", step)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise explain(str(error.output or error), "the virtual environment", tools) from error
    _pip(tools, RUNTIME_LOCK if not testing else TEST_LOCK, step)


def make_environment(folder: Path, step: Step) -> None:
    """Make the virtual environment from the Python the operator named, else a faster one than this, else this one.

    Raises `Trouble`, OSError, subprocess.CalledProcessError or subprocess.TimeoutExpired.
    """
    named = _named_python()
    python = named or interpreters.faster()
    step.update("making the virtual environment")
    if python is not None:
        try:
            interpreters.make_environment(folder, python)
        except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
            if named is not None:
                raise
        else:
            step.keep(str(python))
            return
    venv.create(folder, clear=True, with_pip=True)
    step.keep(f"Python {platform.python_version()}, {interpreters.RUNNING}")


def _named_python() -> interpreters.Interpreter | None:
    """The Python of JITASA_PYTHON, a path or a name on the PATH. Raises `Trouble` when it is of no use."""
    name = os.environ.get("JITASA_PYTHON")
    if not name:
        return None
    python = interpreters.named(name)
    if python is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        modules = ", ".join(interpreters.NEEDED_MODULES)
        raise Trouble(
            f"JITASA_PYTHON={name} cannot be used: it has to be a Python {version} of this machine's kind\n"
            f"that runs and has the modules {modules}.\n"
            "Correct or unset it. For another version of Python put that one first on the PATH.",
            f"ใช้ JITASA_PYTHON={name} ไม่ได้: ต้องเป็น Python {version} ที่ทำงานได้บนเครื่องนี้และมีโมดูล {modules}\n"
            "กรุณาแก้ไขหรือเลิกกำหนดค่านี้ หากต้องการใช้ Python รุ่นอื่น ให้วางรุ่นนั้นไว้เป็นลำดับแรกใน PATH",
        )
    return python


def _install_test_packages(tools: Path, step: Step, _testing: bool) -> None:
    _pip(tools, TEST_LOCK, step)


def _pip(tools: Path, lock: Path, step: Step) -> None:
    """Install the lock, which names every package by version and hash: nothing is left to resolve."""
    total = len(re.findall(r"^[A-Za-z0-9][\w.\-]*==", lock.read_text(), re.MULTILINE))
    library = tools / "venv" / "lib"

    def how_far(output: str) -> str:
        if "Installing collected packages" in output:
            return (
                f"installing, {min(total, len(list(library.glob('*/site-packages/*.dist-info'))))} of {total} packages"
            )
        fetched = re.findall(r"^Collecting (\S+?)==", output, re.MULTILINE)
        return f"fetching, {len(fetched)} of {total} packages" + (f" ({fetched[-1]})" if fetched else "")

    run_logged(
        [
            *(
                str(_interpreter(tools)),
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
            ),
            # Two retries: pip's five, with growing waits for each package, would hide a missing network for minutes.
            *("--progress-bar", "off", "--retries", "2", "--no-deps", "--require-hashes", "--requirement", str(lock)),
        ],
        what="the Python packages",
        log=tools / "logs" / "pip.log",
        how_far=how_far,
        step=step,
        tools=tools,
    )


def run_logged(
    command: list[str],
    *,
    what: str,
    log: Path,
    how_far: Callable[[str], str],
    step: Step,
    tools: Path,
    cwd: Path | None = None,
) -> None:
    """Run an installer with its output in a file, show how far it is, and explain its failure."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd)
    try:
        while process.poll() is None:
            step.update(how_far(log.read_text(errors="replace")))
            time.sleep(0.1)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode:
        raise explain(log.read_text(errors="replace"), what, tools)


def explain(output: str, what: str, tools: Path) -> Trouble:
    """The trouble that an installer's output tells of."""
    if "No space left on device" in output or "ENOSPC" in output:
        return disk_full(tools)
    if _NETWORK.search(output):
        return no_network(what)
    if "Permission denied" in output or "EACCES" in output or "Read-only file system" in output:
        return not_writable(tools)
    tail = "\n".join(output.strip().splitlines()[-8:])
    return Trouble(
        f"Setting up {what} failed. The installer's last lines, in full in {tools / 'logs'}:\n{tail}",
        f"ติดตั้ง {what} ไม่สำเร็จ ดูรายละเอียดใน {tools / 'logs'}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
