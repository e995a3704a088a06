"""A server with Docker: the same processes by the same names, as `python -m deploy.cluster.compose >
deploy/compose/compose.yaml` writes it. A test holds the file to the code.

Kafka and PostgreSQL are on the same machine and on a network that leads nowhere else, so nothing is encrypted there;
from outside all comes by TLS, to the proxy.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from deploy import wiring
from deploy.catalogue import SERVICES, Process, Service
from deploy.cluster.description import port
from deploy.local.postgres import SETTINGS
from deploy.wiring import SECRETS, Source, Variable

_HEAD: Final = """\
# Made by `python -m deploy.cluster.compose > deploy/compose/compose.yaml` from deploy/catalogue.py and
# deploy/wiring.py; do not edit. How it is used: docs/compose.md. What may be set: example.env.
"""
PROXY: Final = "172.30.101.2"
"""Whose X-Forwarded-For is believed."""
_SUBNET: Final = "172.30.101.0/24"
_KAFKA: Final = "kafka:9092"
_OF_THE_SERVER: Final = ("listen_addresses",)
"""Settings that the image sees to."""
ENCRYPTING: Final = frozenset({"JITASA_KAFKA_AUTHORITY_FILE", "JITASA_POSTGRES_AUTHORITY_FILE"})
GRACE: Final = "30s"
MEMORY: Final = {"facilities-importer": "1g", "reporting-http": "2g"}
"""Where 576 MB, the chart's largest limit but for these two, would not do."""


def document() -> str:
    """The whole file."""
    return _HEAD + yaml.safe_dump(compose(), sort_keys=False, width=120, allow_unicode=True)


def compose() -> dict[str, Any]:
    """Services, networks, volumes and the files of secrets."""
    told = wiring.of_everything()
    files = {"kafka-broker", "kafka-controller", "kafka-admin", "postgres-postgres", *_passwords()}
    files |= {name for _, _, variables in told for name in wiring.files(_kept(variables))}
    return {
        "name": "jitasa",
        "services": {
            "kafka": _kafka(),
            "postgres": _postgres(),
            "provision-databases": _provisioning("databases"),
            "provision-kafka": _provisioning("kafka"),
            **{process.name: _process(service, process, _kept(variables)) for service, process, variables in told},
            "proxy": _proxy(),
        },
        "networks": {
            "inside": {"internal": True},
            "outside": {"ipam": {"config": [{"subnet": _SUBNET}]}},
        },
        "volumes": {"kafka": {}, "postgres": {}, "certificates": {}},
        "secrets": {name: {"file": f"${{JITASA_SECRETS:-./secrets}}/{name}"} for name in sorted(files)},
    }


def _kept(variables: list[Variable]) -> list[Variable]:
    """Features and what they need are for clusters; nothing is encrypted on one machine."""
    return [variable for variable in variables if variable.feature is None and variable.name not in ENCRYPTING]


def _passwords() -> set[str]:
    users = {f"kafka-{user}" for service in SERVICES for user in service.kafka_users}
    return users | {f"postgres-{service.name}" for service in SERVICES}


def _process(service: Service, process: Process, variables: list[Variable]) -> dict[str, Any]:
    ask = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port(process)}/readyz', timeout=3)"
    outside = process.name in wiring.ASKING or process.name in wiring.OUTSIDE
    return {
        **_ours(["-m", process.module], wiring.files(variables)),
        "environment": {variable.name: _value(process, variable) for variable in variables},
        "networks": ["inside", "outside"] if outside else ["inside"],
        "depends_on": {
            "provision-databases": {"condition": "service_completed_successfully"},
            "provision-kafka": {"condition": "service_completed_successfully"},
        },
        "healthcheck": {
            "test": ["CMD", "/opt/jitasa/venv/bin/python", "-c", ask],
            "interval": "10s",
            "timeout": "5s",
            "retries": 6,
            "start_period": "60s",
        },
        "stop_grace_period": GRACE,
        "mem_limit": MEMORY.get(process.name, "576m"),
        "pids_limit": 256,
        "restart": "unless-stopped",
    }


def _ours(command: list[str], files: list[str]) -> dict[str, Any]:
    """What all that run our image have in common."""
    return {
        "image": "${JITASA_IMAGE:?the image, by its digest}",
        "command": command,
        "user": "10001:10001",
        "read_only": True,
        "tmpfs": ["/tmp:size=2g,mode=1777"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "secrets": [{"source": name, "target": f"{SECRETS}/{name}"} for name in files],
    }


def _value(process: Process, variable: Variable) -> str:
    match variable.source:
        case Source.VALUE:
            return variable.of
        case Source.FILE:
            return f"{SECRETS}/{variable.of}"
        case Source.ADDRESS:
            return " ".join(f"https://{_host(name)}" for name in variable.of.split()) + variable.suffix
        case Source.SETTING:
            return {
                "port": str(port(process)),
                "trusted-proxies": PROXY,
                "kafka-bootstrap": _KAFKA,
                "postgres-host": "postgres",
                "postgres-port": "5432",
                "sms-url": "${JITASA_SMS_URL:?the SMS provider's interface}",
                "training-policy": "${JITASA_TRAINING_POLICY:-warn}",
            }[variable.of]


def _host(service: str) -> str:
    return f"${{JITASA_{service.upper()}_HOST:?the host name of {service}}}"


def _provisioning(command: str) -> dict[str, Any]:
    of_kafka = command == "kafka"
    files = sorted(name for name in _passwords() if name.startswith("kafka-" if of_kafka else "postgres-"))
    environment = (
        {
            "JITASA_KAFKA_BOOTSTRAP": _KAFKA,
            "JITASA_KAFKA_USERNAME": "admin",
            "JITASA_KAFKA_PASSWORD_FILE": f"{SECRETS}/kafka-admin",
            "JITASA_KAFKA_REPLICAS": "1",
            "JITASA_KAFKA_IN_SYNC": "1",
            "JITASA_SURVEY_PARTITIONS": "${JITASA_SURVEY_PARTITIONS:-24}",
        }
        if of_kafka
        else {
            "JITASA_POSTGRES_HOST": "postgres",
            "JITASA_POSTGRES_PORT": "5432",
            "JITASA_POSTGRES_DATABASE": "postgres",
            "JITASA_POSTGRES_USER": "postgres",
            "JITASA_POSTGRES_PASSWORD_FILE": f"{SECRETS}/postgres-postgres",
        }
    )
    return {
        **_ours(["-m", "deploy.cluster", command], [*files, "kafka-admin" if of_kafka else "postgres-postgres"]),
        "environment": environment,
        "networks": ["inside"],
        "depends_on": {"kafka" if of_kafka else "postgres": {"condition": "service_healthy"}},
        "mem_limit": "256m",
        "restart": "on-failure:5",
    }


def _kafka() -> dict[str, Any]:
    return {
        "image": "${JITASA_KAFKA_IMAGE:-apache/kafka:4.3.0}",
        "command": ["sh", "/etc/jitasa/kafka.sh"],
        "environment": {"KAFKA_HEAP_OPTS": "-Xms512m -Xmx512m"},
        "group_add": ["10001"],  # which the files of secrets belong to
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "secrets": [
            {"source": name, "target": f"{SECRETS}/{name}"}
            for name in ("kafka-admin", "kafka-broker", "kafka-controller")
        ],
        "volumes": [
            "kafka:/var/lib/kafka/data",
            "./kafka.sh:/etc/jitasa/kafka.sh:ro",
            "./kafka.properties:/etc/jitasa/kafka.properties:ro",
        ],
        "networks": ["inside"],
        "healthcheck": {
            "test": ["CMD-SHELL", "bash -c ': </dev/tcp/127.0.0.1/9092'"],
            "interval": "5s",
            "timeout": "3s",
            "retries": 12,
            "start_period": "30s",
        },
        "stop_grace_period": GRACE,
        "mem_limit": "1g",
        "restart": "unless-stopped",
    }


def _postgres() -> dict[str, Any]:
    settings = {name: value for name, value in SETTINGS.items() if name not in _OF_THE_SERVER}
    return {
        "image": "${JITASA_POSTGRES_IMAGE:-postgres:18}",
        "command": ["postgres", *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))],
        "environment": {
            "POSTGRES_PASSWORD_FILE": f"{SECRETS}/postgres-postgres",
            "POSTGRES_INITDB_ARGS": (
                "--auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale-provider=builtin "
                "--locale=C.UTF-8 --data-checksums"
            ),
        },
        "shm_size": "256m",
        "security_opt": ["no-new-privileges:true"],
        "secrets": [{"source": "postgres-postgres", "target": f"{SECRETS}/postgres-postgres"}],
        "volumes": ["postgres:/var/lib/postgresql"],
        "networks": ["inside"],
        "healthcheck": {
            "test": ["CMD", "pg_isready", "--username", "postgres", "--host", "127.0.0.1"],
            "interval": "5s",
            "timeout": "3s",
            "retries": 12,
            "start_period": "30s",
        },
        "stop_signal": "SIGINT",  # ends sessions, writes a checkpoint
        "stop_grace_period": GRACE,
        "mem_limit": "1g",
        "restart": "unless-stopped",
    }


def _proxy() -> dict[str, Any]:
    """Answers by TLS for the four hosts, also for our own processes, which ask each other by the same addresses."""
    hosts = [_host(service.name) for service in SERVICES]
    return {
        "image": "${JITASA_PROXY_IMAGE:-caddy:2.10}",
        "environment": {f"JITASA_{service.name.upper()}_HOST": _host(service.name) for service in SERVICES},
        "ports": ["80:80", "443:443"],
        "cap_drop": ["ALL"],
        "cap_add": ["NET_BIND_SERVICE"],
        "security_opt": ["no-new-privileges:true"],
        "volumes": ["./Caddyfile:/etc/caddy/Caddyfile:ro", "certificates:/data"],
        "networks": {"outside": {"ipv4_address": PROXY, "aliases": hosts}},
        "mem_limit": "256m",
        "restart": "unless-stopped",
    }


if __name__ == "__main__":
    print(document(), end="")
