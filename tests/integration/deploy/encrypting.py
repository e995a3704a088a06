"""A PostgreSQL that speaks TLS, which that of the packages does not: from Maven, 15 MB."""

from __future__ import annotations

import platform
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from deploy import setup
from deploy.local import jars
from deploy.local.tools import Tools
from deploy.progress import Progress, Step

LISTING = Path(__file__).with_name("postgres_with_tls.sha256")
PLATFORMS = {
    ("Linux", "x86_64"): "linux-amd64",
    ("Linux", "aarch64"): "linux-arm64v8",
    ("Darwin", "arm64"): "darwin-arm64v8",
}
# Debian 12's Python 3.11.2 has no extraction filters yet; the archive itself is pinned by its checksum.
_EXTRACTION: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


class EncryptingTools(Tools):
    """The tools of a stack, with another PostgreSQL."""

    @property
    def postgres(self) -> Path:
        """The folder above `bin`."""
        return self.root / "postgres-with-tls"


def prepare(root: Path) -> None:
    """Fetches and unpacks it where it is not there yet. Raises `Trouble`."""
    place = EncryptingTools(root).postgres
    with setup.locked(root), Progress(1).step("PostgreSQL with TLS") as step:
        if not place.exists():
            _unpack(root, place, step)


def _unpack(root: Path, place: Path, step: Step) -> None:
    here = PLATFORMS[platform.system(), platform.machine()]
    wanted = [jar for jar in jars.read(LISTING) if f"-{here}:" in jar.coordinate]
    with tempfile.TemporaryDirectory(dir=root, prefix="postgres-") as unfinished:
        (archive,) = jars.fetch(wanted, Path(unfinished), step)
        folder = Path(unfinished) / "unpacked"
        with zipfile.ZipFile(archive) as jar:
            (inside,) = (name for name in jar.namelist() if name.endswith(".txz"))
            with jar.open(inside) as packed, tarfile.open(fileobj=packed, mode="r|xz") as files:
                for member in files:
                    files.extract(member, folder, **_EXTRACTION)
        for path in (folder, *folder.rglob("*")):  # the server's user may be another
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.parent.name == "bin" else 0o444))
        shutil.move(folder, place)
