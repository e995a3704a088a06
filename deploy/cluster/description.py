"""What the chart has to know of the catalogue: `python -m deploy.cluster.description > deploy/helm/catalogue.json`.

A test holds the file to the code.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from deploy import provisioning, wiring
from deploy.catalogue import SERVICES, Process, Service
from deploy.local.postgres import SETTINGS
from deploy.wiring import Variable
from shared.contracts import topics
from shared.contracts.topics import Topic

PORT_BASE: Final = 8100
"""As on one machine: a process is found at the same port everywhere."""
_OF_ONE_MACHINE: Final = frozenset(
    {
        "listen_addresses",
        "max_connections",
        "shared_buffers",
        "effective_cache_size",
        "work_mem",
        "maintenance_work_mem",
        "max_wal_size",
        "min_wal_size",
    }
)
"""Sizes and addresses, which are another cluster's own."""


def catalogue() -> dict[str, Any]:
    """Services with their processes, topics, and what PostgreSQL has to be set to."""
    told = wiring.of_everything()
    return {
        "services": [
            {
                "name": service.name,
                "kafka_users": list(service.kafka_users),
                "processes": [_process(process, variables) for owner, process, variables in told if owner is service],
            }
            for service in SERVICES
        ],
        "topics": [
            {
                "name": topic.name,
                "partitions": topic.partitions,
                "grows": topic.grows,
                "config": _settings(topic),
            }
            for topic in topics.ALL
        ],
        "secrets": wiring.SECRETS,
        "postgres_settings": {name: value for name, value in SETTINGS.items() if name not in _OF_ONE_MACHINE},
    }


def document() -> str:
    """The whole file."""
    return json.dumps(catalogue(), indent=1) + "\n"


def port(process: Process) -> int:
    """Where a process answers."""
    return PORT_BASE + process.port_offset


def served(service: Service) -> Process:
    """The process of a service that browsers and others ask."""
    (found,) = (process for process in service.processes if process.public)
    return found


def _settings(topic: Topic) -> dict[str, str]:
    """Without how many copies have to have a record, which depends on how many brokers there are."""
    return {name: value for name, value in provisioning.settings_of(topic, 0).items() if name != "min.insync.replicas"}


def _process(process: Process, variables: list[Variable]) -> dict[str, Any]:
    return {
        "name": process.name,
        "module": process.module,
        "port": port(process),
        "public": process.public,
        "asks": process.name in wiring.ASKING,
        "outside": list(wiring.OUTSIDE.get(process.name, ())),
        "variables": [{k: v for k, v in asdict(variable).items() if v} for variable in variables],
    }


if __name__ == "__main__":
    print(document(), end="")
