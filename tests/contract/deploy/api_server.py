"""A real API server of Kubernetes on this machine, with etcd behind it and nothing beside it: it judges and keeps
objects, and nobody makes pods of them.

docs/kubernetes.md (What holds it) says how it is built.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.contract.deploy.charts import Document, program

BUILT: Final = "docs/kubernetes.md (What holds it) says how it is built"
HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 120.0
"""It is there after six on an idle machine."""
CALL_SECONDS: Final = 120.0
LEVEL: Final = "pod-security.kubernetes.io"


@dataclass(frozen=True)
class Answer:
    """What kubectl said. warnings: of the API server, one a line."""

    code: int
    output: str
    errors: str

    @property
    def warnings(self) -> list[str]:
        """What the API server warned of."""
        return [line for line in self.errors.splitlines() if line.startswith("Warning:")]


class ApiServer:
    """What tests ask of it, by kubectl."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubectl = [program("kubectl", BUILT), "--kubeconfig", str(kubeconfig)]

    def ask(self, *words: str, documents: Iterable[Document] = ()) -> Answer:
        """Run kubectl; documents: what it reads from `-f -`."""
        done = subprocess.run(
            [*self._kubectl, *words],
            input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}),
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def apply(self, documents: Iterable[Document], namespace: str = "default", *, dry: bool = False) -> Answer:
        """Apply documents as the chart's owner; dry: only have them judged."""
        words = ("apply", "--server-side", "--validate=strict", "--field-manager=chart", "--force-conflicts")
        how = ("--dry-run=server",) if dry else ()
        return self.ask(*words, *how, "--namespace", namespace, "-f", "-", documents=documents)

    def namespace(self, name: str) -> None:
        """Make a namespace in which pods have to be of the level `restricted`, and whatever makes others is warned."""
        labels = {f"{LEVEL}/enforce": "restricted", f"{LEVEL}/warn": "restricted"}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        done = self.apply([made])
        assert done.code == 0, done.errors

    def define(self, definitions: Sequence[Document]) -> None:
        """Have it know the operators' kinds."""
        done = self.apply(definitions)
        assert done.code == 0, done.errors
        names = [each["metadata"]["name"] for each in definitions]
        known = self.ask("wait", "--for=condition=Established", "--timeout=60s", "crd", *names)
        assert known.code == 0, known.errors


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """One that keeps what it is given in a folder. Skips where its programs are not here."""
    etcd, server, _ = (program(name, BUILT) for name in ("etcd", "kube-apiserver", "kubectl"))
    clients, peers, port = _free_ports(3)
    token = secrets.token_hex(16)
    key = folder / "accounts.pem"
    key.write_bytes(_private_key())
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{token},test,test,system:masters\n")
    store = f"http://{HOST}:{clients}"
    of_etcd = {
        "data-dir": folder / "etcd",
        "listen-client-urls": store,
        "advertise-client-urls": store,
        "listen-peer-urls": f"http://{HOST}:{peers}",
        "unsafe-no-fsync": "true",
    }
    of_server = {
        "etcd-servers": store,
        "bind-address": HOST,
        "secure-port": port,
        "cert-dir": folder / "certificates",
        "token-auth-file": tokens,
        "authorization-mode": "RBAC",
        "service-cluster-ip-range": "10.0.0.0/24",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": key,
        "service-account-signing-key-file": key,
    }
    with ExitStack() as running:
        running.enter_context(_process([etcd, *_options(of_etcd)], folder / "etcd.log"))
        process = running.enter_context(_process([server, *_options(of_server)], folder / "server.log"))
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(_kubeconfig(port, folder / "certificates" / "apiserver.crt", token))
        found = ApiServer(kubeconfig)
        _wait(found, process, folder / "server.log")
        yield found


def _options(values: dict[str, Any]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(server: ApiServer, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers, and has made its own namespaces."""
    deadline = time.monotonic() + READY_SECONDS
    while server.ask("get", "--raw", "/readyz").code or server.ask("get", "namespace", "default").code:
        ended = process.poll() is not None or time.monotonic() > deadline
        assert not ended, log.read_text()[-2000:]
        time.sleep(0.2)


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def _private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _kubeconfig(port: int, authority: Path, token: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": f"https://{HOST}:{port}", "certificate-authority": str(authority)},
                }
            ],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
    )
