"""Virtual time, and processes that are nothing but their event loops.

Each simulated process has an event loop of its own, as a real one has. Within a process callbacks run in the order in
which they became ready (asyncio promises that, and production code may rely on it); which process runs next, and how
long each message travels, is drawn from the seed. Processes share nothing and meet only in the servers, so every order
in which their requests can reach a server is reachable.

A crash takes the loop away between two callbacks: its tasks never go on. A pause is a loop that is not run for a while,
its timers included.
"""

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, TypeVar, cast

SLOW = 0.97
"""This share of messages takes up to 10 ms, the others up to 0.3 s: rare enough to keep schedules short, and often
enough that almost every schedule sees one overtake others."""

_Result = TypeVar("_Result")


class Killed(BaseException):
    """Raised in what is left of a process that crashed, so that no line of it goes on."""


class Stuck(Exception):
    """Nothing can happen any more, or far too much did."""


class Handle:
    """A callback that waits for its turn; what asyncio expects of its handles."""

    __slots__ = ("_when", "arguments", "callback", "dropped")

    def __init__(self, callback: Callable[..., object], arguments: tuple[Any, ...], when: float) -> None:
        self.callback = callback
        self.arguments = arguments
        self.dropped = False
        self._when = when

    def cancel(self) -> None:
        """Keeps the callback from running."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Whether the callback will never run."""
        return self.dropped

    def when(self) -> float:
        """The time at which it is due."""
        return self._when


class SimulatedTask(asyncio.Task[Any]):
    """A task whose hash is its number: asyncio keeps tasks in sets, whose order must not hang on memory addresses."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._number = number
        super().__init__(coroutine, loop=loop)

    def __hash__(self) -> int:
        return self._number


class World:
    """The clock, the messages under way, and the processes."""

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        self.chance = Random(seed)
        self.now = 0.0
        self.steps = 0
        self.tracing = tracing
        self.trace: list[str] = []
        self.processes: list[Process] = []
        self.runnable: list[Process] = []
        self._due: list[tuple[float, int, Handle, Process | None]] = []
        self._numbers = 0
        self._running: Process | None = None

    def note(self, text: str) -> None:
        """Adds a line to the trace; callers ask `tracing` first where the text costs time."""
        if self.tracing:
            self.trace.append(f"{self.steps:6} {self.now:9.4f}  {text}")

    def latency(self) -> float:
        """How long one message travels, in seconds."""
        drawn = self.chance.random()
        return drawn * 0.01 if drawn < SLOW else (drawn - SLOW) * 10

    def after(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> Handle:
        """Has the network or a server do something later."""
        return self.schedule(self.now + seconds, callback, arguments, None)

    def schedule(
        self, when: float, callback: Callable[..., object], arguments: tuple[Any, ...], process: "Process | None"
    ) -> Handle:
        """The same at a given time, and for a process's timers."""
        handle = Handle(callback, arguments, when)
        self._numbers += 1
        heapq.heappush(self._due, (when, self._numbers, handle, process))
        return handle

    def run(self, each_step: Callable[[], bool], most_steps: int) -> None:
        """Works until `each_step`, called before every step, says True; raises `Stuck` after too many steps."""
        due, runnable, random = self._due, self.runnable, self.chance.random
        while not each_step():
            self.steps += 1
            if self.steps > most_steps:
                raise Stuck(f"not at rest after {most_steps} steps and {self.now:.1f} s")
            if runnable:
                place = int(random() * len(runnable)) if len(runnable) > 1 else 0
                process = runnable[place]
                handle = process.ready.popleft()
                if not process.ready:
                    runnable[place] = runnable[-1]
                    runnable.pop()
                if not handle.dropped:
                    if process is not self._running:
                        self.enter(process)
                    handle.callback(*handle.arguments)
            elif due:
                when, _, handle, owner = heapq.heappop(due)
                if handle.dropped or (owner is not None and not owner.alive):
                    continue
                self.now = max(self.now, when)
                if owner is None:
                    handle.callback(*handle.arguments)
                else:
                    owner.enqueue(handle)
            else:
                raise Stuck("nothing can happen any more")

    def enter(self, process: "Process | None") -> None:
        """Makes a process's loop the running one, as asyncio sees it."""
        self._running = process
        _set_running_loop(process)  # type: ignore[arg-type]  # asyncio asks for no more than `Process` has

    def new_task_number(self) -> int:
        """Numbers tasks in the order of their making."""
        self._numbers += 1
        return self._numbers

    def end(self) -> None:
        """Ends every process, so that nothing of this world is left."""
        for process in self.processes:
            process.crash()
        self.enter(None)


class Process:
    """One operating-system process: the part of asyncio's event loop that the production code uses."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.paused = False
        self.ready: deque[Handle] = deque()
        self._tasks: list[SimulatedTask] = []
        world.processes.append(self)

    # What asyncio calls.

    def call_soon(self, callback: Callable[..., object], *args: Any, context: object = None) -> Handle:
        """Runs the callback after those that are ready already."""
        handle = Handle(callback, args, self.world.now)
        self.enqueue(handle)
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: object = None) -> Handle:
        """Runs the callback in `delay` seconds."""
        return self.world.schedule(self.world.now + delay, callback, args, self)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: object = None) -> Handle:
        """Runs the callback at a time of this loop."""
        return self.world.schedule(when, callback, args, self)

    def time(self) -> float:
        """Virtual seconds since the schedule began."""
        return self.world.now

    def create_future(self) -> "asyncio.Future[Any]":
        """A future of this loop; one of a crashed process never lets anybody wait."""
        future: asyncio.Future[Any] = asyncio.Future(loop=self.as_loop())
        if not self.alive:
            future.set_exception(Killed())
        return future

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: object = None
    ) -> SimulatedTask:
        """A task of this loop."""
        if not self.alive:
            coro.close()
            raise Killed
        task = SimulatedTask(coro, self.as_loop(), self.world.new_task_number())
        self._tasks.append(task)
        if len(self._tasks) > 64:
            self._tasks = [one for one in self._tasks if not one.done()]
        return task

    def get_debug(self) -> bool:
        """Never."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Asyncio reports tasks that nobody awaited any more: those of crashed processes."""

    # What the simulation calls.

    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This process under the type that asyncio's signatures ask for."""
        return cast(asyncio.AbstractEventLoop, self)

    def enqueue(self, handle: Handle) -> None:
        """Makes a callback ready."""
        if self.alive:
            if not self.ready and not self.paused:
                self.world.runnable.append(self)
            self.ready.append(handle)

    async def ask(self, serve: Callable[[], _Result]) -> _Result:
        """Sends a request to a server, which answers with what `serve` returns or raises."""
        if not self.alive:
            raise Killed
        answer = self.create_future()
        self.world.after(self.world.latency(), self._serve, serve, answer)
        return cast(_Result, await answer)

    @staticmethod
    def _serve(serve: Callable[[], object], answer: "asyncio.Future[Any]") -> None:
        try:
            result = serve()
        except Exception as error:
            settle(answer, None, error)
        else:
            settle(answer, result, None)

    def pause(self) -> None:
        """Stops running it (SIGSTOP); what is sent to it waits."""
        self.paused = True
        if self in self.world.runnable:
            self.world.runnable.remove(self)

    def resume(self) -> None:
        """Runs it again (SIGCONT)."""
        self.paused = False
        if self.ready and self.alive:
            self.world.runnable.append(self)

    def crash(self) -> None:
        """Ends it where it stands (SIGKILL). The coroutines are closed to free what they hold; the servers take nothing
        from a dead process, so no clean-up in them has an effect."""
        if not self.alive:
            return
        self.alive = False
        self.ready.clear()
        if self in self.world.runnable:
            self.world.runnable.remove(self)
        self.world.enter(self)
        for task in list(self._tasks):
            coroutine = task.get_coro()
            if not task.done() and coroutine is not None:
                with suppress(Killed):
                    coroutine.close()
        self._tasks.clear()


def settle(answer: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    """Gives an answer to whoever still waits for it."""
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
