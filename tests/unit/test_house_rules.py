"""The rules of the house that tools can hold: style, types, who may import whom, what may stand in a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
