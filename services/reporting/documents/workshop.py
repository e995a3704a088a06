"""Where documents are made and kept for a while: how many at once, how many wait, and for how long a ready one lies.

Each is made by a process of its own (maker.py). Nothing of it outlives this one: who comes back after a restart orders
again.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from uuid import UUID, uuid4

import msgspec

from services.reporting.documents.maker import Failure, Task, Told
from services.reporting.documents.orders import Order
from services.reporting.documents.refusals import Full
from shared.observability.clock import Clock
from shared.observability.logs import log

AT_ONCE: Final = 2
"""A process each, at full speed: no more than a small machine has cores."""
LONG_AT_ONCE: Final = 1
"""Of those with a row for each account: half a minute each, so that a letter never waits for two."""
MOST_WAITING: Final = 16
"""Ordered and not ready. A letter takes two seconds, so that the last one comes within half a minute."""
MOST_PUBLIC: Final = 8
"""Of those, for readers who are not signed in: however many they order, there is room for officers."""
MOST_KEPT: Final = 64
"""Ready ones."""
MOST_BYTES: Final = 1_000_000_000
"""All of them together: ten of the largest."""
KEPT: Final = timedelta(minutes=15)
"""Time enough to come back from another page and press the button."""
SAME_FOR: Final = timedelta(minutes=1)
"""Whoever orders the same within this time gets the same: a minister's table is opened by many at once."""
MAKING_SECONDS: Final = 300.0
"""Five times what the longest may take; this only ends hung ones."""

CHECKOUT: Final = Path(__file__).resolve().parents[3]
"""Where the packages lie."""

State = Literal["waiting", "making", "ready", "failed"]


@dataclass(slots=True, eq=False)
class Document:
    """One that was ordered. rows: written so far, of about `of`; size: bytes, once it is ready."""

    order: Order
    folder: Path
    ordered_at: datetime
    document_id: UUID = field(default_factory=uuid4)
    state: State = "waiting"
    rows: int = 0
    of: int = 0
    size: int = 0
    failure: Failure | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path(self) -> Path:
        """The file, which is whole when the document is ready."""
        return self.folder / "document"


class Workshop:
    """Makes and keeps documents.

    assets: a `node_modules` folder with the font. environment: what the processes are told beside this one's own
    environment, which says where the database is.
    """

    def __init__(self, assets: Path, clock: Clock, environment: Mapping[str, str] | None = None) -> None:
        self._assets, self._clock = assets, clock
        self._environment = dict(environment or {})
        self._documents: dict[UUID, Document] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._long_turns = asyncio.Semaphore(LONG_AT_ONCE)
        self._working: set[asyncio.Task[None]] = set()
        self._folder: Path | None = None

    def order(self, order: Order, *, public: bool = False) -> Document:
        """The document, which is being made or ready. Raises `Full`, of which `public` orders meet a smaller room."""
        now, room = self._clock.now(), MOST_PUBLIC if public else MOST_WAITING
        self._forget(now)
        for known in self._documents.values():
            if known.order == order and known.state != "failed" and now - known.ordered_at <= SAME_FOR:
                return known
        if sum(not known.ended.is_set() for known in self._documents.values()) >= room:
            raise Full
        document = Document(order, self._place() / str(uuid4()), now)
        self._documents[document.document_id] = document
        working = asyncio.create_task(self._make(document))
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        return document

    def find(self, document_id: UUID) -> Document | None:
        """A document that is still here."""
        self._forget(self._clock.now())
        return self._documents.get(document_id)

    async def close(self) -> None:
        """Ends all work and removes every file."""
        for working in self._working:
            working.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        self._documents.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def _make(self, document: Document) -> None:
        try:
            if document.order.level == "volunteer":
                async with self._long_turns, self._turns:
                    await self._run(document)
            else:
                async with self._turns:
                    await self._run(document)
        except Exception:  # whatever it was, whoever waits is told
            log(__name__).exception("document_failed", form=document.order.form)
        finally:
            if document.state != "ready":
                document.state = "failed"
                shutil.rmtree(document.folder, ignore_errors=True)
            document.ended.set()

    async def _run(self, document: Document) -> None:
        document.state = "making"
        document.folder.mkdir()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.reporting.documents.maker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | self._environment,
            cwd=CHECKOUT,
        )
        try:
            async with asyncio.timeout(MAKING_SECONDS):
                await self._follow(document, process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0 and document.failure is None:
            document.size = document.path.stat().st_size
            document.state = "ready"

    async def _follow(self, document: Document, process: asyncio.subprocess.Process) -> None:
        task = Task(document.order, str(document.path), str(self._place() / "fonts"), str(self._assets))
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(msgspec.json.encode(task))
        process.stdin.close()
        async for line in process.stdout:
            told = msgspec.json.decode(line, type=Told)
            document.rows, document.of, document.failure = told.rows, told.of, told.failure
            if told.error is not None:
                log(__name__).warning("document_failed", form=document.order.form, error=told.error)
        await process.wait()

    def _forget(self, now: datetime) -> None:
        """Removes what lies here for long, and the oldest of what is too much."""
        kept, size = 0, 0
        for known in [each for each in reversed(self._documents.values()) if each.ended.is_set()]:
            kept, size = kept + 1, size + known.size
            if now - known.ordered_at > KEPT or kept > MOST_KEPT or size > MOST_BYTES:
                del self._documents[known.document_id]
                shutil.rmtree(known.folder, ignore_errors=True)

    def _place(self) -> Path:
        """The folder of this process's documents. With the first one, those of killed processes are removed."""
        if self._folder is None:
            root = Path(tempfile.gettempdir()) / f"jitasa-documents-{os.getuid()}"
            root.mkdir(mode=0o700, exist_ok=True)
            for left in root.iterdir():
                if not _alive(left.name.partition("-")[0]):
                    shutil.rmtree(left, ignore_errors=True)
            self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
        return self._folder


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
