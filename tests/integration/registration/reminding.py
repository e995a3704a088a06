"""One turn of reminders in a process of its own, which kills itself at a point: `python -m ... POINT MOMENT JSON`."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from services.registration.domain.reminders import Neglected
from services.registration.processes.http import mail_gateway_of
from services.registration.reminders import Reminders
from services.registration.settings import MailSettings
from services.registration.sms import FileGateway
from services.registration.store.notices import Notices
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing


class Told:
    """A register that tells what the test says."""

    def __init__(self, places: list[Neglected]) -> None:
        self.places = places

    async def neglected(self) -> list[Neglected]:
        """The same, whoever asks."""
        return self.places


def dying(work: Callable[..., Awaitable[Any]], *, before: bool, at: int) -> Callable[..., Awaitable[Any]]:
    """The same work, but for the `at`-th time it is the last that the process does, before it or after it."""
    calls = 0

    async def done(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        last = calls == at
        if last and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await work(*arguments, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return done


async def main(point: str, moment: str, arguments: str) -> None:
    """Make the rounds and send."""
    told = json.loads(arguments)
    clock = MovableClock(datetime.fromisoformat(moment))
    places = [Neglected(UUID(told["organisation"]), "3201", 2, 1, told["emails"])]
    pool = await open_pool(PostgresSettings(**told["postgres"]), application="reminding", max_size=4)
    store = Notices(pool, KeyRing.from_file(Path(told["keys"])))
    sink = Path(told["sink"])
    sms, mail = FileGateway(sink, clock), mail_gateway_of(MailSettings(), sink, clock)
    objects: dict[str, Any] = {"sms": sms, "mail": mail, "store": store}
    if point:
        where, name, side, at = point.split()
        work = getattr(objects[where], name)
        setattr(objects[where], name, dying(work, before=side == "before", at=int(at)))
    await Reminders(store, Told(places), sms, mail, clock, "https://jitasa.example/week").turn()
    pool.terminate()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
