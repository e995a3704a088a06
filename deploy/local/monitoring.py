"""Prometheus beside a stack on one machine, where it is installed: it watches every process, by our rules."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Final

from deploy.catalogue import PROMETHEUS, PROMETHEUS_PORT_OFFSET
from deploy.local.home import Home
from deploy.local.ports import HOST
from deploy.local.supervisor import Program, http_ready
from deploy.monitoring.prometheus import configuration
from deploy.scale import Scale
from deploy.trouble import Trouble

MOST_BYTES: Final = "1GB"
MOST_DAYS: Final = "15d"
"""Of figures: what the longest of our windows needs several times over."""


def installed() -> str:
    """Where Prometheus is. Raises `Trouble` where it is not installed."""
    executable = shutil.which(PROMETHEUS)
    if executable is None:
        raise Trouble(
            "Prometheus is not installed. Install it (Debian, Ubuntu: `apt-get install prometheus`),\n"
            "or leave --monitoring out.",
            "ยังไม่ได้ติดตั้ง Prometheus กรุณาติดตั้ง (Debian, Ubuntu: `apt-get install prometheus`) หรือไม่ใช้ --monitoring",
        )
    return executable


def program(home: Home, base: int, scale: Scale, environment: Mapping[str, str], *, seconds: int) -> Program:
    """The process. seconds: how often it asks. Raises `Trouble` where Prometheus is not installed."""
    executable = installed()
    folder = home.state / "prometheus"
    file = folder / "prometheus.yml"
    port = base + PROMETHEUS_PORT_OFFSET

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(configuration(base, scale, seconds=seconds))

    return Program(
        name=PROMETHEUS,
        port=port,
        command=lambda: [
            executable,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--storage.tsdb.retention.size={MOST_BYTES}",
            f"--storage.tsdb.retention.time={MOST_DAYS}",
            f"--web.listen-address={HOST}:{port}",
            "--enable-feature=exemplar-storage",
            "--log.format=json",
        ],
        ready=http_ready(port, "/-/ready"),
        environment=environment,
        before=prepare,
    )
