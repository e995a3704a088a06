"""No secret stands in the tree, nor in any commit: gitleaks looks, with `.gitleaks.toml`.

It is a program of Go, which a newcomer's machine need not have; `.ci/run` installs it where Go is.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def gitleaks() -> str:
    """The program, or a skip that says where it comes from."""
    found = shutil.which("gitleaks") or shutil.which("gitleaks", path=Path.home() / "go" / "bin")
    if found is None:
        pytest.skip("gitleaks is not installed: with Go, .ci/run installs it")
    return found


def leaks(gitleaks: str, what: str, folder: Path, report: Path) -> list[Any]:
    """What it finds in a folder's files (`dir`) or its history (`git`)."""
    command = [gitleaks, what, "--no-banner", "--redact", "--config", str(ROOT / ".gitleaks.toml")]
    command += ["--report-format", "json", "--report-path", str(report), str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: list[Any] = json.loads(report.read_text())
    return [(each["RuleID"], each["File"], each["StartLine"], each["Commit"]) for each in found]


def test_it_finds_what_it_looks_for(gitleaks: str, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    assert [each[0] for each in leaks(gitleaks, "dir", folder, tmp_path / "found.json")] == ["private-key"]


def test_no_commit_and_no_file_of_the_checkout_holds_a_secret(gitleaks: str, tmp_path: Path) -> None:
    """What is not committed yet is looked at too, by a copy of what git lists."""
    assert leaks(gitleaks, "git", ROOT, tmp_path / "found.json") == []
    changed = subprocess.run(
        ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = tmp_path / "tree"
    for name in filter(None, changed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    if folder.exists():
        assert leaks(gitleaks, "dir", folder, tmp_path / "found.json") == []
