"""Other issuers on one machine: a file that an operator puts into the home."""

from pathlib import Path

from deploy.catalogue import SERVICES
from deploy.local.home import Home
from deploy.local.stack import Stack

VARIABLE = "JITASA_ISSUERS_FILE"


def test_every_service_is_told_of_other_issuers_once_there_are_any(tmp_path: Path) -> None:
    stack = Stack(Home(tmp_path, tmp_path / "tools"), 23_000)
    processes = [f"{service.name}-http" for service in SERVICES]
    assert not any(VARIABLE in stack.environment(process) for process in processes)
    stack.home.issuers.write_text("[]")
    assert {stack.environment(process)[VARIABLE] for process in processes} == {str(tmp_path / "issuers.json")}
