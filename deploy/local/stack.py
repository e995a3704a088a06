"""One stack on one machine: Kafka, PostgreSQL and every process of the four services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Self

from deploy import catalogue, partitions, provisioning, wiring
from deploy.catalogue import (
    OPERATIONS,
    OPERATIONS_PORT_OFFSET,
    PROMETHEUS,
    REGISTRATION,
    SERVICES,
    Process,
    Service,
)
from deploy.local import monitoring, ports, processes
from deploy.local.addresses import Addresses
from deploy.local.home import CHECKOUT, Home
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.processes import Identity
from deploy.local.secrets import Secrets, write_private
from deploy.local.supervisor import Keeper, Program, Supervisor, http_ready
from deploy.local.tools import Tools
from deploy.monitoring.prometheus import SCRAPE_SECONDS
from deploy.scale import LARGEST, ONE_OF_EACH, Scale
from deploy.trouble import Trouble, of_os_error
from deploy.wiring import Source, Variable
from shared.contracts import topics

HOST = "127.0.0.1"
INFRASTRUCTURE_S = 60.0
"""Kafka and PostgreSQL are there within 4 s on an idle machine."""
SERVICES_S = 60.0
"""Ten processes load their packages at the same time: 6 s on two idle cores."""
SECONDS_A_PROCESS = 8.0
"""What each of more than those is given beyond that."""
LOCAL_REPLICAS = 1
"""One broker holds the one copy."""


TRACING = ("JITASA_TRACE_ENDPOINT", "JITASA_TRACE_SHARE", "JITASA_TRACE_SECONDS")
"""What the operator may say about traces (shared/observability/tracing.py)."""

_WEBHOOKS = "reporting-webhooks"
_KEEPER, _KEEPER_ACCOUNT = "reporting-keeper", "keeper.json"
_NOT_HERE = frozenset({"kafka-authority.pem", "postgres-authority.pem", "sms-token", "mail-password"})
"""Files that containers are given: on one machine nothing is encrypted, and no message is sent."""


def _quiet(_message: str) -> None:
    """Report to nobody."""


def _by_name(scale: Scale) -> dict[str, tuple[Service, Process]]:
    return {process.name: (service, process) for service, process in catalogue.processes(scale)}


_EVERY = _by_name(LARGEST)
"""Also those that are started later, one by one."""


class Stack:
    """Starts, keeps and stops everything below one home; also a context manager.

    Nothing of it is asynchronous: threads keep the processes while the caller does something else. Asynchronous callers
    use `asyncio.to_thread` for what waits.
    """

    def __init__(
        self, home: Home, port_base: int, *, scale: Scale = ONE_OF_EACH, report: Callable[[str], None] = _quiet
    ) -> None:
        if scale.intakes > 1 and sys.platform != "linux":
            raise Trouble(
                "Several intakes share a port in a way that only Linux has; start one: `--intakes 1`.",
                "การเปิดตัวรับข้อมูลหลายตัวบนพอร์ตเดียวกันทำได้เฉพาะบน Linux กรุณาใช้ `--intakes 1`",
            )
        self.home = home
        self.port_base = port_base
        self.scale = scale
        self.tools = Tools(home.tools)
        self._report = report
        self._lock: IO[str] | None = None
        self._supervisor: Supervisor | None = None
        self._processes = _by_name(scale)
        try:
            home.state.mkdir(parents=True, exist_ok=True)
            self.secrets = Secrets(home.secrets)
            home.sms_sink.touch(mode=0o600)  # it will hold phone numbers and codes
        except OSError as error:
            raise of_os_error(error, home.state) or error from error
        self.kafka = Kafka(home.state / "kafka", self.tools, self.secrets, port_base)
        self.brokers: Mapping[str, Kafka] = {"kafka": self.kafka}
        """By process name."""
        self.replicas = self.in_sync = LOCAL_REPLICAS
        """Of every topic, and how many of them have a record before it is acknowledged."""
        self.postgres = Postgres(home.state / "postgres", self.tools, self.secrets, port_base)

    def start(self) -> None:
        """Start everything and wait until it is ready. Raises `Trouble`; nothing is left running then."""
        try:
            self.start_infrastructure()
            self.start_services()
        except BaseException:
            self.stop()
            raise

    def start_infrastructure(self) -> None:
        """Start Kafka and PostgreSQL, and give them topics, users, rights, databases and their structure."""
        try:
            self._open()
            self._start_infrastructure()
        except OSError as error:
            self.stop()
            trouble = of_os_error(error, self.home.state)
            if trouble is None:
                raise
            raise trouble from error
        except BaseException:
            self.stop()
            raise

    def start_services(self, names: Iterable[str] | None = None) -> None:
        """Start the named processes, by default all of the scale and the operators' page, and wait until they are
        ready. Raises `Trouble`.

        Further recorders and projectors may be named at any time, such as survey-recorder-2.
        """
        chosen = list(names) if names is not None else [*self._processes, OPERATIONS]
        self._report(f"Starting {len(chosen)} processes of {len(SERVICES)} services")
        if _KEEPER in chosen:
            self._account(_KEEPER_ACCOUNT, "external_system", "Reporting's keeper")
        for name in chosen:
            program = self._operations_program() if name == OPERATIONS else self._service_program(*self._find(name))
            self.supervisor.start(program)
        self.supervisor.wait_ready(chosen, max(SERVICES_S, SECONDS_A_PROCESS * len(chosen)))

    def start_monitoring(self, seconds: int = SCRAPE_SECONDS) -> None:
        """Start Prometheus, which asks every process that often. Raises `Trouble` where it is not installed."""
        environment = self._base_environment()
        self.supervisor.start(monitoring.program(self.home, self.port_base, self.scale, environment, seconds=seconds))
        self.supervisor.wait_ready([PROMETHEUS], SERVICES_S)

    def stop_services(self, names: Iterable[str] | None = None) -> None:
        """Stop the named processes of services, by default all and the operators' page."""
        self.supervisor.stop(list(names) if names is not None else [*_EVERY, OPERATIONS, PROMETHEUS])

    def stop(self) -> None:
        """Stop everything: first the services, which still need the other two; harmless when nothing runs."""
        if self._supervisor is not None:
            self.stop_services()
            self._supervisor.stop([*self.brokers, "postgres"])
            self._supervisor.close()
            self._supervisor = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def supervisor(self) -> Supervisor:
        """Who keeps the processes. Raises `RuntimeError` before the start."""
        if self._supervisor is None:
            raise RuntimeError("the stack has not been started")
        return self._supervisor

    def process(self, name: str) -> Keeper:
        """The keeper of a process: pid, state, readiness, restarts."""
        return self.supervisor.keepers[name]

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a process, as an accident would."""
        self.process(name).kill(number)

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until every process is ready (again). Raises `Trouble`."""
        self.supervisor.wait_ready(list(self.supervisor.keepers), seconds)

    def environment(self, process: str) -> dict[str, str]:
        """Everything a process of a service is told: it reads nothing else."""
        service, found = self._find(process)
        environment = self._base_environment()
        for variable in wiring.variables(service, found):
            if (value := self._value(variable)) is not None:
                environment[variable.name] = value
        environment |= {"JITASA_HTTP_HOST": HOST, **self._http_ports(found), "JITASA_ASSETS": str(self.tools.assets)}
        if service is REGISTRATION:
            environment["JITASA_SMS_SINK_FILE"] = str(self.home.sms_sink)  # there is no provider
        if process in ("reporting-http", _WEBHOOKS):
            # Whoever writes a receiver on this machine says so; by itself nothing is sent to loopback.
            loopback = os.environ.get("JITASA_WEBHOOK_ALLOW_LOOPBACK", "false")
            environment["JITASA_WEBHOOK_ALLOW_LOOPBACK"] = loopback
        return environment

    def _value(self, variable: Variable) -> str | None:
        """What is here for a variable; None where there is nothing of the kind."""
        match variable.source:
            case Source.VALUE:
                return variable.of
            case Source.ADDRESS:
                return " ".join(self._address(service) for service in variable.of.split()) + variable.suffix
            case Source.SETTING:
                return {
                    "kafka-bootstrap": self.kafka.bootstrap,
                    "postgres-host": self.postgres.host,
                    "postgres-port": str(self.postgres.port),
                    "subscriber-bootstrap": self.kafka.external_bootstrap,
                    # The one rule of a service that its operator chooses.
                    "training-policy": os.environ.get("JITASA_TRAINING_POLICY", "warn"),
                }.get(variable.of)
            case Source.FILE:
                if variable.of in _NOT_HERE:
                    return None
                elsewhere = {
                    "issuers.json": self.home.issuers if self.home.issuers.exists() else None,
                    "subscriber-authority.pem": self.kafka.certificates.authority,
                }
                path = elsewhere.get(variable.of, self.secrets.folder / variable.of)
                return None if path is None else str(path)

    def addresses(self) -> Addresses:
        """Where the services are, and a central administrator to work with, made at the first call."""
        client = self._account("administrator.json", "central_administrator", "Local administrator")
        return Addresses(
            registration=self._address("registration"),
            survey=self._address("survey"),
            facilities=self._address("facilities"),
            reporting=self._address("reporting"),
            sms_sink=self.home.sms_sink,
            client_id=client["client_id"],
            client_secret=client["client_secret"],
        )

    def _account(self, file: str, role: str, name: str) -> dict[str, str]:
        """A program's account for the whole country, made when it is first asked for and kept with the secrets."""
        kept = self.home.secrets / file
        if not kept.exists():
            made = subprocess.run(
                [
                    *(sys.executable, "-m", "services.registration.admin", "users", "create"),
                    *("--role", role, "--area", "", "--name", name),
                ],
                env=self.environment("registration-http"),
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                raise Trouble(
                    f"The account {name!r} could not be created:\n{made.stderr.strip()[-2000:]}",
                    f"สร้างบัญชี {name} ไม่สำเร็จ",
                )
            write_private(kept, made.stdout)
        answer: dict[str, str] = json.loads(kept.read_text())
        return answer

    def _open(self) -> None:
        """Take the home for this process, and end what a killed supervisor left behind."""
        self._lock = self.home.take()
        if count := end_remains(self.home):
            self._report(f"Ended {count} processes that were left behind by a supervisor that was killed")
        ports.check_free(ports.of_stack(self.port_base, self.scale))
        self._supervisor = Supervisor(self.home.stack_file, self.home.logs, self.port_base)
        self._supervisor.open()

    def _start_infrastructure(self) -> None:
        self._report("Starting Kafka and PostgreSQL")
        brokers = [self._broker_program(name, broker) for name, broker in self.brokers.items()]
        postgres = Program(
            name="postgres",
            port=self.postgres.port,
            command=self.postgres.command,
            ready=self.postgres.ready,
            environment=self._base_environment(),
            before=self.postgres.prepare,
            stop_signal=signal.SIGINT,  # its fast stop: ends sessions, writes a checkpoint
            stop_seconds=30.0,
            options=self.postgres.run_as,
        )
        for program in (*brokers, postgres):
            self.supervisor.start(program)
        with ThreadPoolExecutor(2) as both:
            for done in [both.submit(self._provision_kafka), both.submit(self._provision_postgres)]:
                done.result()

    def _broker_program(self, name: str, broker: Kafka) -> Program:
        return Program(
            name=name,
            port=broker.port,
            command=broker.command,
            ready=broker.ready,
            environment=self._base_environment(),
            before=broker.prepare,
            lock=broker.lock,
            stop_seconds=30.0,  # it writes out what it holds in memory
        )

    def _provision_kafka(self) -> None:
        self.supervisor.wait_ready(self.brokers, INFRASTRUCTURE_S)
        admin = self.kafka.admin()
        users = [user for service in SERVICES for user in service.kafka_users]
        provisioning.users(admin, {user: self.secrets.kafka_password(user) for user in users})
        provisioning.rights(admin, SERVICES)
        self.supervisor.wait_ready(["postgres"], INFRASTRUCTURE_S)
        wanted = topics.all_with(partitions.known(lambda service: self.postgres.connection(database=service)))
        for difference in provisioning.topics(admin, wanted, replicas=self.replicas, in_sync=self.in_sync):
            self._report(f"Left as it is: {difference}")

    def _provision_postgres(self) -> None:
        self.supervisor.wait_ready(["postgres"], INFRASTRUCTURE_S)
        self.postgres.databases.provision(SERVICES)

    def _service_program(self, service: Service, process: Process) -> Program:
        port = self.port_base + process.port_offset
        return Program(
            name=process.name,
            port=port,
            command=lambda: [sys.executable, "-m", process.module],
            ready=http_ready(port),
            environment=self.environment(process.name),
            options={"cwd": str(CHECKOUT)},
        )

    def _operations_program(self) -> Program:
        port = self.port_base + OPERATIONS_PORT_OFFSET
        return Program(
            name=OPERATIONS,
            port=port,
            command=lambda: [sys.executable, "-m", "deploy.local.operations"],
            ready=http_ready(port),
            environment={
                **self._base_environment(),
                "JITASA_HOME": str(self.home.root),
                "JITASA_TOOLS": str(self.home.tools),
                "JITASA_HTTP_HOST": HOST,
                "JITASA_HTTP_PORT": str(port),
            },
            options={"cwd": str(CHECKOUT)},
        )

    def _base_environment(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", *TRACING) if name in os.environ}
        return passed | {
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",  # a line is in the log when it was written, also when the process is killed
            processes.STACK_VARIABLE: str(self.home.root),
        }

    def _address(self, service: str) -> str:
        _, http = self._find(f"{service}-http")
        offset = http.port_offset if http.shared_port_offset is None else http.shared_port_offset
        return f"http://{HOST}:{self.port_base + offset}"

    def _http_ports(self, process: Process) -> dict[str, str]:
        own = str(self.port_base + process.port_offset)
        if process.shared_port_offset is None:
            return {"JITASA_HTTP_PORT": own}
        return {"JITASA_HTTP_PORT": str(self.port_base + process.shared_port_offset), "JITASA_HTTP_OWN_PORT": own}

    def _find(self, name: str) -> tuple[Service, Process]:
        return self._processes.get(name) or _EVERY[name]


def end_remains(home: Home) -> int:
    """End what a killed supervisor left running below this home. Returns how many processes that were."""
    try:
        written: dict[str, Any] = json.loads(home.stack_file.read_text())
    except FileNotFoundError:
        return 0  # the last stop was clean
    except ValueError:
        written = {"processes": []}
    listed = [Identity(each["pid"], each["started"]) for each in written["processes"] if each["pid"]]
    # A process that was started just before the kill may not be in the file yet, but it carries the home with it.
    ended = processes.end({*listed, *processes.of_stack(str(home.root))})
    home.stack_file.unlink(missing_ok=True)
    return ended
