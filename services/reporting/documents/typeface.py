"""Sarabun for documents: the parts of the web font put together into whole fonts.

The npm package has a file for each script, and both bear the same name inside, so that a typesetter takes one and has
no letters for the other. They are merged when a document is first made. Sarabun is under the SIL Open Font License,
which allows it and wants the licence beside the fonts; it reserves no name, so that a merged font may keep its own.
"""

import shutil
from pathlib import Path
from typing import Final

from fontTools.merge import Merger
from fontTools.ttLib import TTFont

from shared.web.files import FONT

WEIGHTS: Final = (400, 600)
_SCRIPTS: Final = ("thai", "latin")
_LICENCE: Final = "LICENSE"


def prepare(assets: Path, folder: Path) -> None:
    """Puts the fonts and their licence into `folder`.

    assets: a `node_modules` folder; raises `FileNotFoundError` when the font is not in it.
    """
    source = assets / FONT
    folder.mkdir(parents=True)
    shutil.copy(source / _LICENCE, folder)
    for weight in WEIGHTS:
        parts = [folder / f"{script}-{weight}.ttf" for script in _SCRIPTS]
        for script, part in zip(_SCRIPTS, parts, strict=True):
            with TTFont(source / "files" / f"sarabun-{script}-{weight}-normal.woff2") as font:
                font.flavor = None  # no compression: neither the merger nor the typesetter reads web fonts
                font.save(part)
        with Merger().merge([str(part) for part in parts]) as merged:
            merged.save(folder / f"sarabun-{weight}.ttf")
        for part in parts:
            part.unlink()
