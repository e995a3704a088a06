"""The rules of the house that tools can hold: style, types, who may import whom, what may stand in a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.catalogue import processes
from deploy.scale import ONE_OF_EACH

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "shared", "deploy", "tests")
TOOLS = {
    "style": [sys.executable, "-m", "ruff", "check", *PACKAGES],
    "format": [sys.executable, "-m", "ruff", "format", "--check", *PACKAGES],
    "types": [sys.executable, "-m", "mypy"],
    "imports": [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tool_finds_nothing(tool: str) -> None:
    done = subprocess.run(TOOLS[tool], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name]


REGISTRY_HOSTS = re.compile(
    r"(pypi|pythonhosted|npmjs|maven|sonatype|golang|crates|debian|yarnpkg)[a-z0-9.-]*\.(org|io|com|net)\b",
    re.IGNORECASE,
)


def test_no_file_names_a_registry_or_this_machine() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if REGISTRY_HOSTS.search(line) or str(ROOT) in line:
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_python_keeps_no_unfinished_marks() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + r"Error")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in (".py", ".js", ".sql", ".css", ".html") or path.name == "jitasa"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


NEVER_AT_ONCE = {
    "faststream",  # describes the contracts
    "fontTools",
    "openpyxl",
    "opentelemetry.sdk",
    "typst",
    "xlsxwriter",
}
"""What no process loads before it is asked for: documents, lists of places and people, traces."""
INTERFACES_ALONE = {"cryptography.x509", "fastapi", "joserfc"}
"""What only a service's interface needs: routes, and keys and tokens of whoever asks."""


@pytest.mark.parametrize(
    ("public", "unwanted"),
    [(True, NEVER_AT_ONCE), (False, NEVER_AT_ONCE | INTERFACES_ALONE)],
    ids=["interfaces", "workers"],
)
def test_processes_load_only_what_they_run(public: bool, unwanted: set[str]) -> None:
    """Each library is memory of every process that loads it, and time of each of its starts. What none of them loads
    is not there either when one program loads them all, which takes a fraction of the time."""
    modules = ", ".join(process.module for _, process in processes(ONE_OF_EACH) if process.public is public)
    program = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert unwanted.intersection(done.stdout.split()) == set()
