"""The fonts of the documents, as set-up brings them."""

from pathlib import Path

import pytest

from deploy.local.home import Home
from deploy.local.tools import Tools, prepare
from services.reporting.documents import typeface


@pytest.fixture(scope="session")
def assets() -> Path:
    """The `node_modules` folder."""
    tools = Home.from_environment().tools
    prepare(tools)
    return Tools(tools).assets


@pytest.fixture(scope="session")
def fonts(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sarabun, whole."""
    folder = tmp_path_factory.mktemp("documents") / "fonts"
    typeface.prepare(assets, folder)
    return folder
