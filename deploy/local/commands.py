"""What the commands do, once everything is set up."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import psutil
from confluent_kafka import KafkaException

from deploy import partitions
from deploy.catalogue import OPERATIONS_PORT_OFFSET, PROMETHEUS, PROMETHEUS_PORT_OFFSET, SERVICES
from deploy.local import backups, lag, logs, monitoring, passwords, restoring
from deploy.local.description import SERVES_NO_HTTP, describe, supervisor_of
from deploy.local.home import CHECKOUT, Home, port_base_from_environment
from deploy.local.stack import Stack, end_remains
from deploy.local.tools import Tools
from deploy.scale import ONE_OF_EACH, Scale
from deploy.trouble import Trouble, of_os_error
from shared.postgres import lost_changes
from shared.postgres.pool import UNREACHABLE

NOT_RUNNING = 3
"""The exit code of `status` when not everything runs and is ready; service managers use the same."""
_DOWN_S = 60.0
"""Longer than the processes' own stop times together."""
CERTIFICATE_LOOK_S = 6 * 3600.0
"""A certificate is renewed 90 days before its end: looks that fail for days lose nothing."""
_FOLLOWED_EVERY_S = 5.0
"""How often it is looked whether a backup that is followed has missed something."""


def run(chosen: argparse.Namespace) -> int:
    """Dispatch; the exit code."""
    commands: dict[str, Callable[[Home, argparse.Namespace], int]] = {
        "demo": demo,
        "up": up,
        "down": down,
        "status": status,
        "logs": show_logs,
        "test": test,
        "bench": bench,
        "admin": admin,
        "conformance": conformance,
        "sandbox": sandbox,
        "sbom": sbom,
        "backup": backup,
        "restore": restore,
        "capacity": capacity,
    }
    return commands[chosen.command](Home.from_environment(), chosen)


def up(home: Home, chosen: argparse.Namespace) -> int:
    """Start the stack; in the foreground until Ctrl-C, SIGTERM or the end of the terminal, or detached."""
    if chosen.monitoring:
        monitoring.installed()  # asked before anything is started
    if chosen.detach:
        return _up_detached(home, _scale(chosen), monitored=chosen.monitoring)
    report = _Report(chosen.report_to)
    try:
        with _until_stopped() as stopping:
            stack = Stack(home, port_base_from_environment(), scale=_scale(chosen), report=report.progress)
            with stack:
                if chosen.monitoring:
                    stack.start_monitoring()
                report.ready(_where(stack))
                with contextlib.suppress(KeyboardInterrupt):
                    _wait(stack, stopping)
                report.progress("Stopping")
    except Trouble as trouble:
        report.trouble(trouble)
        return 1
    return 0


def _wait(stack: Stack, stopping: threading.Event) -> None:
    """Until the stack is to stop, with a look at its certificate now and then."""
    while not stopping.wait(CERTIFICATE_LOOK_S):
        with contextlib.suppress(OSError, KafkaException):  # the broker is away: the next look does it
            stack.kafka.renew()


def down(home: Home, _chosen: argparse.Namespace) -> int:
    """Stop the stack, also one whose supervisor was killed."""
    supervisor = supervisor_of(home)
    if supervisor is not None and (process := supervisor.find()):
        _send(process, signal.SIGTERM)
        deadline = time.monotonic() + _DOWN_S
        while supervisor.alive():
            if time.monotonic() > deadline:
                _send(process, signal.SIGKILL)
            time.sleep(0.1)
    count = end_remains(home)
    print("Stopped." if supervisor is not None or count else "Nothing runs.")
    return 0


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass  # it has ended meanwhile
    except psutil.AccessDenied:
        owner = process.username()
        raise Trouble(
            f"The stack belongs to the user {owner}, who alone can stop it: `./jitasa down` as {owner}.",
            f"ระบบนี้เป็นของผู้ใช้ {owner} จึงต้องสั่ง `./jitasa down` ด้วยผู้ใช้นั้น",
        ) from None


def status(home: Home, chosen: argparse.Namespace) -> int:
    """Show each process; the exit code says whether all run and are ready."""
    description = describe(home)
    groups = lag.of_processes(each["port"] for each in description["processes"] if each["name"] not in SERVES_NO_HTTP)
    if chosen.json:
        print(json.dumps({**description, "groups": [group.as_json() for group in groups]}, indent=2))
    elif not description["running"] and not description["processes"]:
        print(f"Nothing runs in {home.root}.")
    else:
        if not description["running"]:
            print("The supervisor was killed; `./jitasa up` or `./jitasa down` ends what it left behind.")
        print(f"{'PROCESS':<23}{'STATE':<10}{'PID':>8}{'PORT':>7}{'RESTARTS':>10}")
        for process in description["processes"]:
            pid = process["pid"] or "-"
            print(f"{process['name']:<23}{process['state']:<10}{pid:>8}{process['port']:>7}{process['restarts']:>10}")
        _show_groups(groups)
    return 0 if description["ready"] else NOT_RUNNING


def _show_groups(groups: Sequence[lag.GroupLag]) -> None:
    if not groups:
        return
    print(f"\n{'GROUP':<23}{'PROCESSES':<10}{'WAITING':>10}{'OLDEST':>10}{'TAKEN':>12}{'DRAINED IN':>12}")
    for group in groups:
        oldest, drained = lag.duration(group.oldest_seconds), lag.duration(group.drain_seconds)
        print(
            f"{group.group:<23}{group.processes:<10}{group.lag:>10,}{oldest:>10}"
            f"{group.records_per_second:>10,.0f}/s{drained:>12}"
        )


def show_logs(home: Home, chosen: argparse.Namespace) -> int:
    """Print the last lines, and with --follow what comes after them."""
    paths = sorted(home.logs.glob("*.log"))
    if chosen.process:
        known = ", ".join(path.stem for path in paths) or "-"
        paths = [path for path in paths if path.stem == chosen.process]
        if not paths:
            raise Trouble(
                f"There is no log of {chosen.process!r}. There are: {known}",
                f"ไม่มีบันทึกของ {chosen.process!r} มีเฉพาะ: {known}",
            )
    for path in paths:
        if len(paths) > 1:
            print(f"==> {path.stem} <==")
        print(logs.tail(path, 200 if len(paths) == 1 else logs.TAIL_LINES))
    if chosen.follow:
        logs.follow(paths)
    return 0


THREE_AT_A_TIME: Final = ("--numprocesses=3", "--dist=loadgroup")
"""All tests wait as often as they compute: so many workers keep two processors busy. Each has a Kafka and a database of
its own, and two of them have a whole stack, some 6 GB in all. Who runs what: `tests/order.py`."""


def test(home: Home, chosen: argparse.Namespace) -> int:
    """Become pytest, in the checkout; all tests, when nothing else is asked for, three at a time."""
    _become(home, "pytest", chosen.arguments or [*THREE_AT_A_TIME])


def bench(home: Home, chosen: argparse.Namespace) -> int:
    """Become the benchmarks, in the checkout."""
    _become(home, "tests.bench", chosen.arguments)


def conformance(home: Home, chosen: argparse.Namespace) -> int:
    """Become the trial of a subscriber's consumer, whose commands are named from the present folder."""
    _become(home, "deploy.subscriber.conformance", ["--folder", str(Path.cwd()), *chosen.arguments])


def sandbox(home: Home, chosen: argparse.Namespace) -> int:
    """Become the streams of made-up events."""
    _become(home, "deploy.subscriber.sandbox", chosen.arguments)


def sbom(home: Home, chosen: argparse.Namespace) -> int:
    """Become the list of what everything is made of."""
    _become(home, "deploy.sbom", chosen.arguments)


def capacity(home: Home, chosen: argparse.Namespace) -> int:
    """Become the reckoning of what a campaign needs."""
    _become(home, "deploy.capacity", chosen.arguments)


def _become(home: Home, module: str, arguments: list[str]) -> NoReturn:
    """Those which start stacks of their own share only the tools."""
    environment = {name: value for name, value in os.environ.items() if name not in ("JITASA_HOME", "JITASA_PORT_BASE")}
    environment["JITASA_TOOLS"] = str(home.tools)
    os.chdir(CHECKOUT)
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606 - no shell needed


def demo(home: Home, chosen: argparse.Namespace) -> int:
    """Play the campaign on a stack that already runs in this home, or on one that lives as long as the demo."""
    from deploy.demo import main as campaign

    with _until_stopped() as stopping, _running_stack(home, _scale(chosen)) as stack:
        code = campaign.main(stack.addresses(), households=chosen.households, exit_after=chosen.exit, seed=chosen.seed)
        if not chosen.exit:
            print("Ctrl-C ends it. (กด Ctrl-C เพื่อจบ)", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                stopping.wait()
    return code


def backup(home: Home, chosen: argparse.Namespace) -> int:
    """Back up the running stack's database and its keys, and follow the changes until Ctrl-C when that is asked for."""
    with _until_stopped() as stopping:
        postgres = _attached(home).postgres
        with _folders(
            "Make room there or change its permissions, or name another folder by --to or --keys.",
            "กรุณาเพิ่มที่ว่างหรือแก้สิทธิ์ของโฟลเดอร์ หรือกำหนดโฟลเดอร์อื่นด้วย --to หรือ --keys",
        ):
            made, follower = backups.take(home, postgres, chosen.to, chosen.keys, follow=chosen.follow)
        try:
            print(f"Backup {made.folder}\nKeys   {chosen.keys / made.folder.name}", flush=True)
            if follower is not None:
                print("Every change from now on goes there too; Ctrl-C ends it. (กด Ctrl-C เพื่อจบ)", flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    while follower.complete():
                        stopping.wait(_FOLLOWED_EVERY_S)
        finally:  # it has a session of its own, and would go on without us
            if follower is not None:
                follower.stop()
    return 0


def restore(home: Home, chosen: argparse.Namespace) -> int:
    """Bring an empty home to a backup and what was changed after it."""
    base = port_base_from_environment()
    with (
        _until_stopped(),
        _folders(
            f"It is read from --from and --keys, and written to {home.root}: change permissions or make room, or name\n"
            "another home by JITASA_HOME.",
            f"อ่านจาก --from และ --keys แล้วเขียนลงใน {home.root} กรุณาแก้สิทธิ์หรือเพิ่มที่ว่าง หรือกำหนด JITASA_HOME อื่น",
        ),
    ):
        restored = restoring.restore(home, Tools(home.tools), chosen.source, chosen.keys, base, chosen.at)
    print(f"Restored from {restored.backup.folder}")
    print(f"The last change in it was made {restored.until or 'before that backup'}. Next: `./jitasa up`.")
    return 0


@contextmanager
def _folders(remedy_en: str, remedy_th: str) -> Iterator[None]:
    """What the system refuses to do with folders that the operator has named becomes a `Trouble`."""
    try:
        yield
    except OSError as error:
        # Who copies a whole folder tells of every file that could not be: the first says why.
        said = error.args[0][0][-1] if isinstance(error, shutil.Error) else error
        raise Trouble(f"{said}\n{remedy_en}", f"{said}\n{remedy_th}") from error


def admin(home: Home, chosen: argparse.Namespace) -> int:
    """Work on the running stack."""
    try:
        return _admin(home, chosen)
    except BrokenPipeError:  # who reads what is printed has gone
        raise
    except (*UNREACHABLE, KafkaException) as error:
        if isinstance(error, OSError) and of_os_error(error, home.root) is not None:
            raise  # a full disk or a file of somebody else's: `main` has the words for it
        said = f"{type(error).__name__}: {error}"
        raise Trouble(
            f"The database or Kafka does not answer ({said}).\n"
            "See `./jitasa status`, and try again when both are ready.",
            f"ฐานข้อมูลหรือ Kafka ไม่ตอบ ({said})\nดูด้วย `./jitasa status` แล้วสั่งอีกครั้งเมื่อทั้งสองพร้อม",
        ) from error


def _admin(home: Home, chosen: argparse.Namespace) -> int:
    task, *arguments = chosen.arguments or ["--help"]
    if task == "lost-changes":
        postgres = _attached(home).postgres
        return lost_changes.show([postgres.connection(database=service.name) for service in SERVICES])
    if task == "passwords" and arguments == ["rotate"]:
        passwords.rotate(_attached(home), SERVICES, print)
        return 0
    if task == "partitions" and len(arguments) == 1 and arguments[0].isdecimal():
        stack = _attached(home)
        partitions.grow(
            stack.kafka.admin(),
            int(arguments[0]),
            replicas=stack.replicas,
            in_sync=stack.in_sync,
            told=partial(print, flush=True),
        )
        return 0
    for tasks, module, process in _ADMIN:
        if task in tasks:
            command = [sys.executable, "-m", module, task, *arguments]
            return subprocess.run(command, env=_attached(home).environment(process), check=False).returncode
    print(_ADMIN_USAGE)
    return 0 if task in ("-h", "--help") else 2


_ADMIN = (
    (("users", "keys"), "services.registration.admin", "registration-http"),
    (("registration-keys",), "services.registration.key_admin", "registration-http"),
    (("audit", "retention", "survey-keys"), "services.survey.privacy.admin", "survey-keeper"),
    (("close-month",), "services.reporting.months.admin", "reporting-http"),
    (("subscribers",), "services.reporting.subscribers.admin", "reporting-http"),
    (("subscriber-keys",), "services.reporting.key_admin", "reporting-keeper"),
    (("reconcile", "rebuild", "dead-letters", "gaps"), "services.reporting.admin", "reporting-keeper"),
)
"""Tasks, the module that does them, and the process in whose environment."""

_ADMIN_USAGE = """\
usage: jitasa admin users create-administrator --phone PHONE --name NAME
       jitasa admin users end-administrator --phone PHONE --reason TEXT
       jitasa admin users create --role ROLE --area AREA --name NAME
       jitasa admin users revoke --client-id ID
       jitasa admin keys list
       jitasa admin keys rotate [--compromised]
       jitasa admin passwords rotate
       jitasa admin partitions NUMBER
       jitasa admin survey-keys rotate | add | use KEY | status | retire KEY [--now]
       jitasa admin registration-keys rotate | add | use KEY | status | retire KEY
       jitasa admin subscriber-keys rotate | add | use KEY | status | retire KEY
       jitasa admin audit verify [--head POSITION:HASH] | head
       jitasa admin retention --dry-run
       jitasa admin close-month YYYY-MM [--correct REASON | --verify]
       jitasa admin reconcile
       jitasa admin lost-changes
       jitasa admin rebuild [--reason TEXT] [--no-wait]
       jitasa admin dead-letters list [--resolved]
       jitasa admin dead-letters show | replay | dismiss ID [--reason TEXT]
       jitasa admin gaps list
       jitasa admin gaps dismiss TOPIC PARTITION --reason TEXT
       jitasa admin subscribers list | authority
       jitasa admin subscribers create | grant NAME --streams STREAM... [--bytes-a-second N] [--request-percent N]
       jitasa admin subscribers rotate NAME [--into FOLDER]
       jitasa admin subscribers revoke NAME --reason TEXT"""


class _Report:
    """Tells a person, or the `up --detach` that waits, how far it is."""

    def __init__(self, descriptor: int | None) -> None:
        self._waiting = None if descriptor is None else os.fdopen(descriptor, "w", buffering=1)

    def progress(self, message: str) -> None:
        """One more thing begins."""
        self._say({"progress": message}, message)

    def ready(self, message: str) -> None:
        """Everything runs."""
        self._say({"ready": message}, message)

    def trouble(self, trouble: Trouble) -> None:
        """It did not work."""
        if self._waiting is None:
            trouble.show()
        else:
            self._say({"trouble": [trouble.en, trouble.th]}, "")

    def _say(self, answer: dict[str, Any], message: str) -> None:
        with contextlib.suppress(OSError):  # the terminal, or who waited, has gone
            if self._waiting is None:
                print(message, flush=True)
            else:
                self._waiting.write(json.dumps(answer) + "\n")


def _scale(chosen: argparse.Namespace) -> Scale:
    return Scale(recorders=chosen.recorders, intakes=chosen.intakes, projectors=chosen.projectors)


def _up_detached(home: Home, scale: Scale, *, monitored: bool) -> int:
    """Start the supervisor as a process of its own and wait until it says that everything is ready."""
    home.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    reading, writing = os.pipe()
    with (home.logs / "supervisor.log").open("ab") as log:
        subprocess.Popen(
            [
                *(sys.executable, "-m", "deploy", "up", "--report-to", str(writing)),
                *(f"--{what}={number}" for what, number in asdict(scale).items()),
                *(["--monitoring"] if monitored else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading) as answers:
        for line in answers:
            answer = json.loads(line)
            if "trouble" in answer:
                raise Trouble(*answer["trouble"])
            print(answer.get("progress") or answer["ready"], flush=True)
            if "ready" in answer:
                return 0
    raise Trouble(
        f"The supervisor ended without a word; see {home.logs / 'supervisor.log'}.",
        f"ตัวควบคุมหยุดทำงานโดยไม่แจ้งสาเหตุ ดู {home.logs / 'supervisor.log'}",
    )


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """Ctrl-C, SIGTERM and the end of the terminal, unless that is ignored (`nohup`), interrupt once, and set the event;
    what comes later must not interrupt the stop."""
    stopping = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            return
        stopping.set()
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    former = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield stopping
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _running_stack(home: Home, scale: Scale) -> Iterator[Stack]:
    if describe(home)["running"]:
        if scale != ONE_OF_EACH:
            print("A stack already runs here, as large as it was started. (ใช้ระบบที่ทำงานอยู่แล้วตามขนาดเดิม)", flush=True)
        stack = _attached(home)
        print(_where(stack), flush=True)
        yield stack
        return
    stack = Stack(home, port_base_from_environment(), scale=scale, report=partial(print, flush=True))
    with stack:
        print(_where(stack), flush=True)
        yield stack


def _attached(home: Home) -> Stack:
    """The stack that another process keeps running. Raises `Trouble` when none does."""
    description = describe(home)
    if not description["running"]:
        raise Trouble(
            f"No stack runs in {home.root}. Start it first: `./jitasa up --detach`.",
            f"ไม่มีระบบทำงานอยู่ใน {home.root} กรุณาเริ่มด้วย `./jitasa up --detach`",
        )
    return Stack(home, description["port_base"])


def _where(stack: Stack) -> str:
    base = stack.port_base
    lines = [f"  {name:<14} http://127.0.0.1:{base + offset}" for offset, name in enumerate(_SERVICE_ORDER, start=1)]
    lines.append(f"  {'operators':<14} http://127.0.0.1:{base + OPERATIONS_PORT_OFFSET}")
    if any(each["name"] == PROMETHEUS for each in describe(stack.home)["processes"]):
        lines.append(f"  {'Prometheus':<14} http://127.0.0.1:{base + PROMETHEUS_PORT_OFFSET}")
    return "Ready. (พร้อมใช้งาน)\n" + "\n".join(lines)


_SERVICE_ORDER = ("registration", "survey", "facilities", "reporting")
