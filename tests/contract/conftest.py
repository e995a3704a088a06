"""Readers of the contract that are not ours. In CI they are fetched; elsewhere they are for who has asked for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from deploy import setup
from deploy.local import jars
from deploy.local.home import Home
from deploy.local.tools import Tools, node_packages
from deploy.progress import Progress

READERS: Final = Path(__file__).with_name("readers")


def _in_ci() -> bool:
    return os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def node_readers() -> Path:
    """The folder `node_modules` with the AsyncAPI parser, the CloudEvents SDK and kafkajs."""
    tools = Tools(Home.from_environment().tools)
    folder = tools.root / "contract-readers"
    files = [READERS / name for name in ("package.json", "package-lock.json")]
    if not all(
        (folder / file.name).exists() and (folder / file.name).read_bytes() == file.read_bytes() for file in files
    ):
        if not _in_ci():
            pytest.skip(
                "the AsyncAPI parser and kafkajs are not here (60 MB from npm); CI=true fetches them, as CI does"
            )
        with setup.locked(tools.root), Progress(1).step("Readers of the contract") as step:
            node_packages(tools, files, folder, step)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def java_reader() -> Path:
    """The folder with the CloudEvents SDK for Java."""
    folder = Home.from_environment().tools / "cloudevents-java"
    wanted = jars.read(READERS / "java.sha256")
    if not _in_ci() and not all((folder / jar.name).exists() for jar in wanted):
        pytest.skip("the CloudEvents SDK for Java is not here; CI=true fetches it, as CI does")
    with Progress(1).step("CloudEvents SDK for Java") as step:
        jars.fetch(wanted, folder, step)
    return folder
