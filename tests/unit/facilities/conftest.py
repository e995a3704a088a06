"""What the tests of this service's rules share."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def abolished_subdistrict() -> tuple[str, str]:
    """An abolished subdistrict and a successor of it, from the register's own source."""
    package = find_spec("geothai")
    assert package is not None
    assert package.submodule_search_locations
    rows = json.loads(Path(package.submodule_search_locations[0], "_data", "abolished.json").read_text("utf-8"))
    row = next(row for row in rows if len(row[0]) == 6 and row[4])
    return row[0], row[4].split()[0]
