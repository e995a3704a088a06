"""Kafka's files from Maven: exactly those of the checked-in list, each by its sha256.

`python -m deploy.local.jars` resolves the pinned version anew and writes the list.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jgo
import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver

from deploy.progress import Step
from deploy.setup import JAR_LIST
from deploy.trouble import Trouble, no_network

KAFKA_VERSION = "4.3.0"

# The exclamation mark takes each project's own versions: log4j's managed ones would bring an older client of Kafka.
_KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
_AT_ONCE = 6
"""Downloads at the same time: the files are small, so that most of each is waiting for the answer's beginning."""
_TIMEOUT_S = 30
"""No byte for this long means that the connection is dead."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of the list: its Maven coordinate and its sha256."""

    coordinate: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name in a Maven repository."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def fetch(jars: Sequence[Jar], folder: Path, step: Step) -> list[Path]:
    """Bring the files into `folder` and check each. Raises `Trouble`; what is there and right is not fetched again."""
    fetched_bytes = 0
    complete = 0
    counting = threading.Lock()

    def show() -> None:
        step.update(f"{complete} of {len(jars)} files, {fetched_bytes / 1e6:.1f} MB")

    @contextmanager
    def counted(_name: str, _size: int) -> Iterator[Any]:
        def add(count: int) -> None:
            nonlocal fetched_bytes
            with counting:
                fetched_bytes += count
                show()

        yield add

    def bring(jar: Jar) -> Path:
        nonlocal complete
        path = folder / jar.name
        if not (path.exists() and _sha256(path) == jar.sha256):
            # The repository's copy may have been cut off by a kill: fetch into a folder of its own, check, then move.
            with tempfile.TemporaryDirectory(dir=folder) as unchecked:
                context = MavenContext(
                    resolver=PythonResolver(progress_callback=counted),
                    repo_cache=Path(unchecked),
                    remote_repos=_repositories(),
                    timeout=_TIMEOUT_S,
                )
                group, artifact, version = jar.coordinate.split(":")
                arrived = context.project(group, artifact).at_version(version).artifact().resolve()
                found = _sha256(arrived)
                if found != jar.sha256:
                    raise Trouble(
                        f"{jar.name} is not the file it should be, and was thrown away (sha256 {found},\n"
                        f"expected {jar.sha256}). Whatever served it is broken or not to be trusted:\n"
                        "check the proxy or mirror in use, then run this again.",
                        f"ไฟล์ {jar.name} ไม่ตรงกับที่ควรเป็น จึงถูกลบทิ้ง\nกรุณาตรวจพร็อกซีหรือเซิร์ฟเวอร์ต้นทางที่ใช้ แล้วสั่งอีกครั้ง",
                    )
                arrived.replace(path)
        with counting:
            complete += 1
            show()
        return path

    folder.mkdir(parents=True, exist_ok=True)
    # The client logs every attempt at a repository that cannot be reached; the one message below says it better.
    logging.getLogger("jgo").setLevel(logging.ERROR)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        return list(pool.map(bring, jars))
    except (requests.ConnectionError, requests.Timeout) as error:
        raise no_network("Kafka") from error
    except RuntimeError as error:  # what the client raises when no repository has the file
        raise Trouble(f"A file could not be fetched: {error}", f"ดาวน์โหลดไฟล์ไม่สำเร็จ: {error}") from error
    finally:
        pool.shutdown(cancel_futures=True)


def class_path(folder: Path) -> str:
    """The broker's class path over the files in `folder`."""
    return ":".join(str(folder / jar.name) for jar in read())


def read(listing: Path = JAR_LIST) -> list[Jar]:
    """The files of a list, in order; by default the broker's class path."""
    lines = (line.split() for line in listing.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(coordinate, sha256) for sha256, coordinate in lines]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _repositories() -> dict[str, str]:
    """Maven Central, and whatever mirrors the person's own jgo settings name."""
    return {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories


def resolve() -> str:
    """The list's text for the pinned version, resolved from Maven now."""
    with tempfile.TemporaryDirectory() as folder:
        kafka = jgo.build(_KAFKA, cache_dir=Path(folder))
        lines = [
            f"{_sha256(path)}  {dependency.groupId}:{dependency.artifactId}:{dependency.version}"
            for path, dependency in zip(kafka.all_jars, _in_order(kafka), strict=True)
        ]
    return "\n".join(lines) + "\n"


def _in_order(environment: Any) -> list[Any]:
    """The environment's locked dependencies in the order of its files."""
    by_file = {f"{each.artifactId}-{each.version}.jar": each for each in environment.lockfile.dependencies}
    return [by_file[path.name] for path in environment.all_jars]


if __name__ == "__main__":
    JAR_LIST.write_text(resolve())
    print(f"{len(read(JAR_LIST))} files in {JAR_LIST}", file=sys.stderr)
