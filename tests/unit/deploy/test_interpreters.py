"""The choice among builds of Python, and the environment that is made from the chosen one."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import interpreters, setup
from deploy.progress import Step
from deploy.trouble import Trouble

with_ensurepip = pytest.mark.skipif(
    importlib.util.find_spec("ensurepip") is None,
    reason="the Python below the tests' own environment carries no pip (Debian: python3-venv)",
)
NO_VENV = """case "$*" in *"-m venv"*) echo "no venv here"; exit 1;; esac"""


def _write(folder: Path, text: str, name: str = "python3") -> Path:
    """A program of this name in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def _answering(folder: Path, seconds: float, name: str = "python3") -> Path:
    """A program that answers as a Python would, and notes in its folder's `asked` that it was asked."""
    answer = json.dumps({"executable": str(folder / name), "version": "3.99.1", "seconds": seconds})
    return _write(folder, f"{NO_VENV}\necho {name} >> '{folder}/asked'\necho '{answer}'", name)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; the running Python seems to be one that takes a second."""
    monkeypatch.setattr(interpreters, "RUNNING", str(_answering(tmp_path / "running", 1.0)))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path / "path"


@pytest.mark.parametrize(("seconds", "chosen"), [(0.5, True), (0.9, True), (0.91, False), (1.0, False), (2.0, False)])
def test_another_python_is_chosen_only_when_it_is_a_tenth_faster(path: Path, seconds: float, chosen: bool) -> None:
    other = _answering(path, seconds)
    assert interpreters.faster() == (interpreters.Interpreter(str(other), "3.99.1", seconds) if chosen else None)


def test_the_fastest_of_several_is_chosen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [path / name for name in "abc"]
    for folder, seconds in zip(folders, (0.8, 0.4, 0.6), strict=True):
        _answering(folder, seconds)
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    best = interpreters.faster()
    assert best is not None
    assert best.executable == str(folders[1] / "python3")


@pytest.mark.parametrize(
    "text",
    [
        "exit 127",
        "echo 'python3: command not found'",
        "echo '[]'",
        """echo '{"seconds": 0.1}'""",
        "printf '\\377'",
        "while :; do :; done",
        'test -n "$LD_LIBRARY_PATH" && echo \'{"executable": "/x", "version": "3.99.0", "seconds": 0.1}\'',
    ],
)
def test_one_that_is_of_no_use_is_passed_over(
    path: Path, text: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interpreters, "ASKING_SECONDS", 2.0)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/the/user's")
    _write(path, text)
    other = _answering(path, 0.5, f"python3.{sys.version_info.minor}")
    best = interpreters.faster()
    assert best is not None
    assert best.executable == str(other)
    assert capfd.readouterr() == ("", "")


def test_a_moment_in_which_the_running_one_was_slow_does_not_decide(path: Path) -> None:
    running = Path(interpreters.RUNNING)
    slow = running.read_text().replace('"seconds": 1.0', '"seconds": 9.0')
    _write(running.parent, f"test -e '{running.parent}/asked' || {{\n{slow}\nexit\n}}\n{running.read_text()}")
    _answering(path, 0.95)
    assert interpreters.faster() is None


def test_without_a_figure_of_the_running_one_it_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(path, 0.1)
    monkeypatch.setattr(interpreters, "RUNNING", "/nowhere/python3")
    assert interpreters.faster() is None


def test_a_file_under_several_names_is_asked_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Path(interpreters.RUNNING)
    other = _answering(path, 0.5)
    (path / f"python3.{sys.version_info.minor}").symlink_to(other)
    second = path / "second"
    second.mkdir()
    (second / "python3").symlink_to(running)
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}{second}")
    assert interpreters.faster() is not None
    assert (path / "asked").read_text().splitlines() == ["python3"] * interpreters.TURNS
    assert (running.parent / "asked").read_text().splitlines() == ["python3"] * interpreters.TURNS


def test_no_more_are_asked_than_the_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [path / str(number) for number in range(interpreters.MOST_CANDIDATES + 2)]
    for folder in folders:
        _answering(folder, 0.5)
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    assert interpreters.faster() is not None
    assert [(folder / "asked").exists() for folder in folders] == [True] * interpreters.MOST_CANDIDATES + [False] * 2


def test_nothing_is_run_from_where_the_user_stands(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(path, 0.1)
    monkeypatch.setenv("PATH", os.pathsep.join((".", "")))
    monkeypatch.chdir(path)
    assert interpreters.faster() is None
    assert not (path / "asked").exists()


def test_a_real_python_tells_what_lies_below_its_virtual_environment() -> None:
    answer = interpreters.ask(sys.executable)
    assert answer is not None
    assert os.path.realpath(answer.executable) == os.path.realpath(interpreters.RUNNING)
    assert answer.version == sys.version.split()[0]
    assert answer.seconds > 0


def test_a_python_of_another_kind_is_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "kind", lambda: "cpython-399-x86_64-linux-gnu on x86_64")
    assert interpreters.ask(sys.executable) is None


@pytest.mark.parametrize(("module", "needed"), [("ssl", True), ("tkinter", False)])
def test_a_python_that_lacks_what_is_needed_is_of_no_use(tmp_path: Path, module: str, needed: bool) -> None:
    lacking = f"import runpy, sys; sys.modules['{module}'] = None; del sys.argv[:3]; "
    run = "runpy.run_path(sys.argv[0], run_name='__main__')"
    python = _write(tmp_path, f'exec "{interpreters.RUNNING}" -c "{lacking}{run}" "$@"')
    assert (interpreters.ask(str(python)) is None) == needed


def _made(folder: Path) -> tuple[str, str]:
    """What setting up said, and which pip the environment has."""
    said = io.StringIO()
    setup.make_environment(folder, Step("Python packages", said))
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--version"]
    return said.getvalue(), subprocess.run(pip, capture_output=True, text=True, check=True).stdout


def _home(folder: Path) -> str:
    """The folder of the Python that an environment was made from."""
    lines = (folder / "pyvenv.cfg").read_text().splitlines()
    return next(line.removeprefix("home = ") for line in lines if line.startswith("home = "))


@with_ensurepip
def test_the_environment_made_from_another_python_has_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").symlink_to(sys.base_prefix)  # the same installation in another place
    other = tmp_path / "other" / "bin" / f"python3.{sys.version_info.minor}"
    monkeypatch.setenv("JITASA_PYTHON", str(other))
    (tmp_path / "venv" / "left over").mkdir(parents=True)
    said, pip = _made(tmp_path / "venv")
    assert said == f"Python packages: Python {sys.version.split()[0]}, {other}\n"
    assert f" from {tmp_path / 'venv'}" in pip
    assert _home(tmp_path / "venv") == str(other.parent)
    assert not (tmp_path / "venv" / "left over").exists()


@with_ensurepip
def test_when_no_environment_can_be_made_from_another_it_is_made_from_the_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _answering(tmp_path / "path", 0.0)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.delenv("JITASA_PYTHON", raising=False)
    (tmp_path / "venv" / "left over").mkdir(parents=True)
    best = interpreters.faster()
    assert best is not None
    assert best.executable == str(other)
    said, pip = _made(tmp_path / "venv")
    assert said == f"Python packages: Python {sys.version.split()[0]}, {interpreters.RUNNING}\n"
    assert pip.startswith("pip ")
    assert os.path.realpath(_home(tmp_path / "venv")) == os.path.realpath(Path(interpreters.RUNNING).parent)
    assert not (tmp_path / "venv" / "left over").exists()


def test_a_named_python_is_not_replaced_by_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(path, 2.0)
    monkeypatch.setenv("JITASA_PYTHON", "python3")
    with pytest.raises(Trouble, match="no venv here"):
        setup.prepare(path / "tools", testing=False)


@pytest.mark.parametrize("name", ["/nowhere/python3", "missing", "other-version"])
def test_a_named_python_of_no_use_is_one_clear_message(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(path, "exit 1", "other-version")
    monkeypatch.setenv("JITASA_PYTHON", name)
    with pytest.raises(Trouble, match=f"JITASA_PYTHON={name} cannot be used") as raised:
        setup.prepare(path / "tools", testing=False)
    assert f"JITASA_PYTHON={name}" in raised.value.th
