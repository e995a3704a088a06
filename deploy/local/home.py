"""Where everything of a stack on one machine lies; standard library only, as set-up needs it first.

`tools` holds what is fetched and never changes afterwards, so that several stacks can share it; `state` belongs to one.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.trouble import Trouble

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_PORT_BASE = 8100
HIGHEST_OFFSET = 60
"""The largest distance of one of our ports from the base: PostgreSQL's."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one stack, and that of the tools it uses."""

    root: Path
    tools: Path

    @classmethod
    def from_environment(cls) -> Home:
        """JITASA_HOME (`.jitasa` in the checkout), JITASA_TOOLS (`tools` in the home)."""
        root = Path(os.environ.get("JITASA_HOME") or CHECKOUT / ".jitasa").expanduser().resolve()
        tools = Path(os.environ.get("JITASA_TOOLS") or root / "tools").expanduser().resolve()
        return cls(root, tools)

    @property
    def state(self) -> Path:
        """Data, secrets, logs and run files of this stack."""
        return self.root / "state"

    @property
    def secrets(self) -> Path:
        """Mode 0700; every file in it 0600."""
        return self.state / "secrets"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.state / "logs"

    @property
    def stack_file(self) -> Path:
        """Which processes run, as the supervisor last wrote it; gone after a clean stop."""
        return self.state / "stack.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor as long as it lives, and while a backup is restored."""
        return self.state / "lock"

    def take(self) -> IO[str]:
        """Take the home for this process, until the file that is given is closed. Raises `Trouble` when another has
        it."""
        lock = self.lock_file.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Trouble(
                f"A stack already runs in {self.root}, or a backup is being restored there.\n"
                "See `./jitasa status`; end it with `./jitasa down`. A second one needs a home and ports of its own:\n"
                "JITASA_HOME=/another/folder JITASA_PORT_BASE=9100 ./jitasa ...",
                f"มีระบบทำงานอยู่แล้วหรือกำลังกู้คืนข้อมูลใน {self.root} ดูด้วย `./jitasa status` และหยุดด้วย `./jitasa down`\n"
                "หากต้องการอีกชุด ให้กำหนด JITASA_HOME=/โฟลเดอร์/อื่น JITASA_PORT_BASE=9100 ./jitasa ...",
            ) from None
        return lock

    @property
    def sms_sink(self) -> Path:
        """Where one-time codes go instead of to phones."""
        return self.state / "sms.jsonl"

    @property
    def issuers(self) -> Path:
        """Whose tokens are good beside our own; an operator puts it there, and without it nobody's are."""
        return self.root / "issuers.json"


def port_base_from_environment() -> int:
    """JITASA_PORT_BASE, by default 8100."""
    text = os.environ.get("JITASA_PORT_BASE") or str(DEFAULT_PORT_BASE)
    if text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535 - HIGHEST_OFFSET:
        return int(text)
    raise Trouble(
        f"JITASA_PORT_BASE is {text!r}; it must be a number from 1024 to {65535 - HIGHEST_OFFSET}, better below 32700.",
        f"JITASA_PORT_BASE มีค่า {text!r} ต้องเป็นตัวเลข 1024 ถึง {65535 - HIGHEST_OFFSET} และควรต่ำกว่า 32700",
    )
