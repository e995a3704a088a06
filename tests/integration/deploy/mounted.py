"""A Secret as a node shows it to one pod: a folder whose files are all exchanged at once.

Files are links through `..data`, which points to a folder with the files of one version. Another version is a new
folder, to which that link is moved; the former is removed (Kubernetes' AtomicWriter).
"""

import itertools
import shutil
from pathlib import Path


class Mounted:
    """The mounted Secrets of one pod, on its node."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = itertools.count(1)
        self._held: dict[str, str] = {}
        folder.mkdir(parents=True)

    def file(self, name: str) -> Path:
        """Where the pod finds a file."""
        return self._folder / name

    def show(self, name: str, text: str) -> None:
        """Show another text of one of the files from now on."""
        self._held[name] = text
        version = self._folder / f"..{next(self._versions)}"
        version.mkdir()
        for each, content in self._held.items():
            (version / each).write_text(content)
        former = (self._folder / "..data").resolve()
        moved = self._folder / "..data_tmp"
        moved.symlink_to(version.name)
        moved.rename(self._folder / "..data")
        if former.name != "..data":
            shutil.rmtree(former)
        if not self.file(name).is_symlink():
            self.file(name).symlink_to(Path("..data") / name)
