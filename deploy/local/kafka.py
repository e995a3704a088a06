"""One real broker on this machine: its configuration, first format, command and readiness."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import logging
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from cryptography import x509

from deploy import provisioning
from deploy.catalogue import KAFKA_CONTROLLER_PORT_OFFSET, KAFKA_EXTERNAL_PORT_OFFSET, KAFKA_PORT_OFFSET
from deploy.local import jars, jvm
from deploy.local.certificates import Certificates
from deploy.local.ports import free_base
from deploy.local.secrets import Secrets, write_private
from deploy.trouble import Trouble

if TYPE_CHECKING:
    from deploy.local.tools import Tools

HOST = "127.0.0.1"
NODE_ID = 1
MECHANISM = "SCRAM-SHA-256"
"""Of the services' listener alone. Credentials belong to a user and a mechanism and not to a listener: with another
mechanism outside, a subscriber's password opens nothing inside, and a service's nothing outside."""
EXTERNAL_MECHANISM = "SCRAM-SHA-512"
FORMER_MECHANISM = "SCRAM-SHA-512"
"""Inside, in homes that are older than the listener for subscribers."""
REAUTHENTICATION_MS = 15 * 60 * 1000
KEYSTORE_SETTING = "listener.name.external.ssl.keystore.location"
ADMIN_S = 15.0
"""A healthy broker answers in milliseconds."""
TRAINING_S = 90
"""The training start takes 5 s on an idle machine; beyond this something is wrong."""

_SERVER = """\
process.roles=broker,controller
node.id={node}
controller.quorum.bootstrap.servers={host}:{controller}
listeners=INTERNAL://{host}:{internal},EXTERNAL://{host}:{external},CONTROLLER://{host}:{controller}
advertised.listeners=INTERNAL://{host}:{advertised},EXTERNAL://{host}:{external},CONTROLLER://{host}:{controller}
listener.security.protocol.map=INTERNAL:SASL_PLAINTEXT,EXTERNAL:SASL_SSL,CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
log.dirs={data}

# Who may connect: every user by SCRAM, and the controller by a user of its own; without a right granted, nothing.
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
sasl.mechanism.controller.protocol=PLAIN
listener.name.internal.sasl.enabled.mechanisms={internal_mechanisms}
listener.name.internal.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="broker" password="{broker_password}";
listener.name.internal.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="broker" password="{broker_password}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="controller" password="{controller_password}" user_controller="{controller_password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:controller;User:admin
allow.everyone.if.no.acl.found=false

# Subscribers outside: by TLS alone, and by another mechanism than the services.
listener.name.external.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.external.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.external.ssl.keystore.type=PEM
listener.name.external.ssl.keystore.location={keystore}
# Whoever proved a password that is good no more is out after this time at the latest, as a token's holder is; without
# rights, which are taken away at once, it could read nothing meanwhile.
listener.name.external.connections.max.reauth.ms={reauthentication}
# A connection by TLS holds some 50 KB of the heap. The services' connections are not counted here.
listener.name.external.max.connections=500
listener.name.external.max.connection.creation.rate=50
# A subscriber that was away for a month finds its place again.
offsets.retention.minutes=43200

# One broker: nothing can have a second replica.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4

auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# A batch of 500 submissions is about 0.5 MB; a record beyond 1 MiB is no submission.
message.max.bytes=1048588
# Its default is half of the heap.
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.io.buffer.size=131072
# After a kill the broker is let in again when its old session has ended: 4 s instead of 11. Shorter ones end by
# themselves on a machine that is busy with other things.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

_QUIET = logging.getLogger("jitasa.librdkafka")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False  # while the broker starts, the client library remarks on every refused connection


class Kafka:
    """The broker of one stack. `folder` holds its data and configuration; everything it needs is made by `prepare`."""

    def __init__(self, folder: Path, tools: Tools, secrets: Secrets, port_base: int) -> None:
        self.folder = folder
        self.port = port_base + KAFKA_PORT_OFFSET
        self.advertised_port = self.port
        """Where clients are sent: another port than the broker's own when something stands between them."""
        self.external_port = port_base + KAFKA_EXTERNAL_PORT_OFFSET
        """Of the listener for subscribers, by TLS."""
        self.controller_port = port_base + KAFKA_CONTROLLER_PORT_OFFSET
        self.reauthentication_ms = REAUTHENTICATION_MS
        """How long a subscriber's connection lasts at most without its password."""
        self._tools = tools
        self._secrets = secrets
        self.certificates = Certificates(secrets.folder)
        self._data = folder / "data"
        self._configuration = folder / "server.properties"
        self._admin: AdminClient | None = None
        self._login = MECHANISM

    @property
    def bootstrap(self) -> str:
        """The address of the internal listener."""
        return f"{HOST}:{self.port}"

    @property
    def external_bootstrap(self) -> str:
        """The address of the listener for subscribers."""
        return f"{HOST}:{self.external_port}"

    @property
    def cluster_id(self) -> str:
        """The id the broker's data was formatted with. Raises `FileNotFoundError` before `prepare`."""
        for line in (self._data / "meta.properties").read_text().splitlines():
            name, _, value = line.partition("=")
            if name == "cluster.id":
                return value
        raise FileNotFoundError(self._data / "meta.properties")

    def prepare(self) -> None:
        """Write the configuration and format the data folder when it is new; renew the certificate when it is due."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_version()
        self.certificates.prepare()
        mechanism = self.folder / "mechanism"
        with contextlib.suppress(FileNotFoundError):
            if self.cluster_id:
                if not mechanism.exists():
                    self._take_over()
                    mechanism.write_text(MECHANISM + "\n")
                self._write_configuration()
                return
        self._write_configuration()
        self._format()
        (self.folder / "version").write_text(jars.KAFKA_VERSION + "\n")
        mechanism.write_text(MECHANISM + "\n")

    def command(self, *, train: Path | None = None) -> list[str]:
        """The broker's command line; no secret in it, since everybody on the machine can read that."""
        cache = self._tools.kafka_cache
        return [
            str(self._tools.java),
            *jvm.options(self._tools.kafka_logging, cache=cache, train=train),
            "-cp",
            jars.class_path(self._tools.jars),
            "kafka.Kafka",
            str(self._configuration),
        ]

    def lock(self) -> IO[bytes]:
        """A lock on the data folder for the broker to inherit and hold until it ends, also when we are gone.

        Kafka's own lock is taken too late: by then a second broker's controller has written into the first one's log.
        """
        lock = (self.folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Trouble(
                f"Another Kafka still works on {self._data}.\nStop its stack (`./jitasa down`), then run this again.",
                f"มี Kafka อื่นกำลังใช้ {self._data} อยู่ กรุณาหยุดด้วย `./jitasa down` แล้วสั่งอีกครั้ง",
            ) from None
        return lock

    def ready(self) -> bool:
        """Whether the broker that answers is ours, by its cluster id, and up."""
        try:
            # Cheaper than a client's attempt, and a client that was refused once waits before it tries again.
            socket.create_connection((HOST, self.port), timeout=1).close()
            metadata = self.admin().list_topics(timeout=2)
        except Exception:  # any refusal, time-out or protocol error means: not yet
            self._admin = None
            return False
        return bool(metadata.cluster_id == self.cluster_id and metadata.brokers)

    def admin(self) -> AdminClient:
        """A client with every right, for provisioning."""
        if self._admin is None:
            self._admin = AdminClient(self.client_configuration("admin"), logger=_QUIET)
        return self._admin

    def client_configuration(self, user: str) -> dict[str, str | int | float | bool]:
        """What confluent-kafka needs to connect as `user`."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": self._login,
            "sasl.username": user,
            "sasl.password": self._secrets.kafka_password(user),
            "reconnect.backoff.ms": 50,  # the broker is on this machine: it is either there or starts right now
            "reconnect.backoff.max.ms": 500,
        }

    def renew(self) -> bool:
        """Renew the certificate of the listener for subscribers when it is due, and have the broker take it while it
        runs: who connects from now on meets it, connections that stand go on. Whether there was another to be taken.

        It is compared with what the listener shows: what failed the last time is done now. Raises `OSError`,
        `KafkaException` and `TimeoutError` while the broker is away.
        """
        self.certificates.prepare()
        if self._shows_certificate():
            return False
        # Told of the file again, by the path that it has, the broker reads it. Then it is told nothing any more, and
        # goes by its configuration, which is written anew when the home was moved.
        self._tell_keystore(AlterConfigOpType.SET)
        deadline = time.monotonic() + ADMIN_S
        while not self._shows_certificate():
            if time.monotonic() > deadline:
                raise TimeoutError("the broker was told of its new certificate, and goes on showing the old one")
            time.sleep(0.05)
        self._tell_keystore(AlterConfigOpType.DELETE)
        return True

    def _shows_certificate(self) -> bool:
        shown = ssl.get_server_certificate((HOST, self.external_port), timeout=ADMIN_S)
        return x509.load_pem_x509_certificate(shown.encode()) == self.certificates.shown()

    def _tell_keystore(self, operation: AlterConfigOpType) -> None:
        entry = ConfigEntry(KEYSTORE_SETTING, str(self.certificates.keystore), incremental_operation=operation)
        broker = ConfigResource(ConfigResource.Type.BROKER, str(NODE_ID), incremental_configs=[entry])
        for answer in self.admin().incremental_alter_configs([broker], request_timeout=ADMIN_S).values():
            answer.result(ADMIN_S)

    def _check_version(self) -> None:
        try:
            made_by = (self.folder / "version").read_text().strip()
        except FileNotFoundError:
            return
        if _numbers(made_by) > _numbers(jars.KAFKA_VERSION):
            raise Trouble(
                f"The data in {self._data} was written by Kafka {made_by};\n"
                f"this is {jars.KAFKA_VERSION}, which cannot read it. "
                "Use the newer checkout, or another JITASA_HOME.",
                f"ข้อมูลใน {self._data} เขียนโดย Kafka {made_by} แต่รุ่นนี้คือ {jars.KAFKA_VERSION} จึงอ่านไม่ได้\n"
                "กรุณาใช้ซอร์สโค้ดรุ่นใหม่กว่า หรือ JITASA_HOME อื่น",
            )

    def _write_configuration(self) -> None:
        write_private(self._configuration, self._settings())

    def _settings(self) -> str:
        return _SERVER.format(
            node=NODE_ID,
            host=HOST,
            internal=self.port,
            external=self.external_port,
            mechanism=self._login,
            internal_mechanisms=MECHANISM if self._login == MECHANISM else f"{self._login},{MECHANISM}",
            keystore=self.certificates.keystore,
            reauthentication=self.reauthentication_ms,
            advertised=self.advertised_port,
            controller=self.controller_port,
            data=self._data,
            broker_password=self._secrets.kafka_password("broker"),
            controller_password=self._secrets.kafka_password("controller"),
        )

    def _take_over(self) -> None:
        """Give the two users that must exist before the broker runs their credentials of today, in a home whose
        services signed in by the mechanism that subscribers have now. A broker runs for 2 s for it, once."""
        log = self.folder / "take-over.log"
        self._login = FORMER_MECHANISM
        try:
            self._write_configuration()
            with self.lock() as lock, _running(self.command(), self.ready, log, keep=lock) as ready:
                if not ready:
                    raise _not_started(log)
                own = {user: self._secrets.kafka_password(user) for user in ("broker", "admin")}
                provisioning.credentials(self.admin(), own)
        finally:
            self._login, self._admin = MECHANISM, None

    def _quorum(self) -> list[str]:
        """How the storage tool is told of the cluster that begins with this format."""
        return ["--cluster-id", new_id(), "--standalone"]

    def _format(self) -> None:
        """Format with the two users that must exist before the broker runs; the others are made over its API."""
        arguments = self.folder / "format.arguments"
        users = [
            f'--add-scram\n"{MECHANISM}=[name={user},password={self._secrets.kafka_password(user)}]"'
            for user in ("broker", "admin")
        ]
        words = [
            *jvm.options(self._tools.kafka_logging, cache=self._tools.kafka_cache),
            "-cp",
            jars.class_path(self._tools.jars),
            *("kafka.tools.StorageTool", "format", *self._quorum(), "--ignore-formatted"),
            *("--config", str(self._configuration)),
        ]
        # In a file and not on the command line, where every user of the machine could read the passwords.
        write_private(arguments, "\n".join([*(f'"{word}"' for word in words), *users]) + "\n")
        try:
            done = subprocess.run([str(self._tools.java), f"@{arguments}"], capture_output=True, text=True, check=False)
        finally:
            arguments.unlink()
        if done.returncode:
            # Standard output would show keys derived from the passwords.
            raise Trouble(
                f"Kafka could not format {self._data}:\n{done.stderr.strip()[-2000:]}",
                f"Kafka เตรียมโฟลเดอร์ข้อมูล {self._data} ไม่สำเร็จ",
            )


def train(tools: Tools) -> None:
    """Start a broker once in a temporary folder and let its Java machine write the start-up cache when it ends."""
    unfinished = tools.kafka_cache.with_suffix(".unfinished")
    log = tools.root / "logs" / "kafka-cache.log"
    log.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kafka-", dir=tools.root) as folder:
        kafka = Kafka(Path(folder) / "kafka", tools, Secrets(Path(folder) / "secrets"), free_base())
        kafka.prepare()
        with _running(kafka.command(train=unfinished), kafka.ready, log):
            pass  # it writes the cache at its end
    if not unfinished.exists():
        raise _not_started(log)
    unfinished.replace(tools.kafka_cache)


@contextlib.contextmanager
def _running(
    command: list[str], ready: Callable[[], bool], log: Path, *, keep: IO[bytes] | None = None
) -> Iterator[bool]:
    """A broker for a moment: started, waited for, and ended in the end. Gives whether it has got ready. keep: a file
    that it holds open as long as it lives."""
    with log.open("wb") as output:
        broker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            pass_fds=() if keep is None else (keep.fileno(),),
            start_new_session=True,  # Ctrl-C is ours to handle: we end the broker
        )
    try:
        deadline = time.monotonic() + TRAINING_S
        is_ready = False
        while broker.poll() is None and not (is_ready := ready()) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield is_ready
        broker.send_signal(signal.SIGTERM)
        broker.wait(TRAINING_S)
    except BaseException:
        broker.kill()
        broker.wait()
        raise


def _not_started(log: Path) -> Trouble:
    return Trouble(
        f"Kafka did not start; its last lines:\n{log.read_text(errors='replace')[-1500:]}",
        f"Kafka เริ่มทำงานไม่ได้ ดูรายละเอียดใน {log}",
    )


def new_id() -> str:
    """Kafka's form of an id: 22 characters of URL-safe base64; one beginning with `-` would be taken for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
