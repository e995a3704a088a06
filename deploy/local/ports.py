"""The ports of a stack: which are taken, by whom, and where a free range begins."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping

import psutil

from deploy import catalogue
from deploy.scale import LARGEST, ONE_OF_EACH, Scale
from deploy.trouble import Trouble

HOST = "127.0.0.1"
_FREE_BASES = range(20_000, 32_000, 100)
"""Where tests look for a free range: below 32768, where systems begin to take ports for outgoing connections."""


def of_stack(base: int, scale: Scale = ONE_OF_EACH) -> dict[str, int]:
    """The port of each process, and of each listener of Kafka."""
    ports = {
        catalogue.OPERATIONS: base + catalogue.OPERATIONS_PORT_OFFSET,
        "kafka": base + catalogue.KAFKA_PORT_OFFSET,
        "kafka external": base + catalogue.KAFKA_EXTERNAL_PORT_OFFSET,
        "kafka controller": base + catalogue.KAFKA_CONTROLLER_PORT_OFFSET,
        catalogue.PROMETHEUS: base + catalogue.PROMETHEUS_PORT_OFFSET,
        "postgres": base + catalogue.POSTGRES_PORT_OFFSET,
    }
    for service, process in catalogue.processes(scale):
        ports[process.name] = base + process.port_offset
        if process.shared_port_offset is not None:
            ports[f"{service.name}, shared"] = base + process.shared_port_offset
    return ports


def check_free(ports: Mapping[str, int]) -> None:
    """Raise `Trouble` naming every port that is taken, with the process that holds it where the system tells."""
    taken = {name: port for name, port in ports.items() if not _is_free(port)}
    if not taken:
        return
    holders = _holders(taken.values())
    lines = [
        f"  port {port} (for {name})" + (f": {holders[port]}" if port in holders else "")
        for name, port in taken.items()
    ]
    listed = "\n".join(lines)
    raise Trouble(
        f"These ports are taken:\n{listed}\n"
        "End what holds them, or choose another range: JITASA_PORT_BASE=9100 ./jitasa ...",
        "มีโปรแกรมอื่นใช้พอร์ตข้างต้นอยู่ กรุณาปิดโปรแกรมนั้น หรือเลือกช่วงพอร์ตอื่น เช่น JITASA_PORT_BASE=9100 ./jitasa ...",
    )


def free_base() -> int:
    """The base of a range in which every port of a stack, as large as it may become, is free now."""
    # In random order: two test sessions that start at the same time shall not meet.
    for base in random.sample(_FREE_BASES, len(_FREE_BASES)):
        if all(_is_free(port) for port in of_stack(base, LARGEST).values()):
            return base
    raise Trouble("No free range of ports was found from 20000 to 32000.", "ไม่พบช่วงพอร์ตว่างระหว่าง 20000 ถึง 32000")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As our servers do: a port whose last connections still linger after a stop is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _holders(ports: Iterable[int]) -> dict[int, str]:
    """The listening process of each port, as far as this user may see."""
    wanted = set(ports)
    holders: dict[int, str] = {}
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return holders
    for connection in connections:
        port = connection.laddr.port if connection.laddr else None
        if connection.status == psutil.CONN_LISTEN and port in wanted and connection.pid:
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                continue
            holders[port] = f"process {connection.pid} ({name})"
    return holders
