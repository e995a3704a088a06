"""Pages that several services have are kept once, and are at the origins that have what belongs to them."""

from pathlib import Path

import pytest

from services.facilities import pages as facilities
from services.registration import pages as registration
from services.reporting import pages as reporting
from services.survey import pages as survey
from shared.web.files import COMMON, page_files

SERVICES = {
    registration.PAGES: registration.COMMON_PAGES,
    reporting.PAGES: reporting.COMMON_PAGES,
    survey.PAGES: survey.COMMON_PAGES,
    facilities.PAGES: (),
}


@pytest.mark.parametrize("folder", SERVICES, ids=lambda folder: folder.parent.name)
def test_a_common_page_is_where_it_is_named_and_nowhere_else(folder: Path) -> None:
    common = SERVICES[folder]
    paths = [path for path, _ in page_files(folder, common=common)]
    assert len(paths) == len(set(paths))
    own = {path.name for path in folder.rglob("*")}
    assert not own & {path.name for path in COMMON.rglob("*.html")}
    for page in COMMON.glob("*.html"):
        assert (f"/{page.stem}" in paths) == (page.name in common), page.name
