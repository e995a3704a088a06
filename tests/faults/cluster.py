"""Three brokers on this machine: every record is on all of them, and acknowledged when two have it."""

import logging
import signal
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from deploy.local.home import Home
from deploy.local.kafka import HOST, Kafka, new_id
from deploy.local.secrets import Secrets
from deploy.local.stack import Stack
from deploy.local.supervisor import Program
from deploy.local.tools import Tools
from shared.contracts.topics import Topic

PORTS: Final = {1: 0, 2: 20, 3: 30}
"""How much farther from the stack's first port each broker's ports lie than a single broker's."""
REPLICAS: Final = len(PORTS)
IN_SYNC: Final = 2
ANSWER_SECONDS: Final = 5.0

_QUIET: Final = logging.getLogger("jitasa.librdkafka")
_CLUSTER: Final = """
node.id={node}
controller.quorum.bootstrap.servers={controllers}
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2

# A dead broker's partitions move within about 3 s.
broker.session.timeout.ms=2500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.backoff.max.ms=300
replica.lag.time.max.ms=5000
"""


@dataclass(slots=True)
class Cluster:
    """What all brokers are told of each other at their first format."""

    id: str = field(default_factory=new_id)
    directories: dict[int, str] = field(default_factory=lambda: {node: new_id() for node in PORTS})
    brokers: list["Broker"] = field(default_factory=list)


class Broker(Kafka):
    """A broker and controller of a cluster. What is said of one broker in its settings is said again for three."""

    def __init__(
        self, folder: Path, tools: Tools, secrets: Secrets, port_base: int, node: int, cluster: Cluster
    ) -> None:
        super().__init__(folder, tools, secrets, port_base + PORTS[node])
        self.node = node
        self._cluster = cluster

    @property
    def bootstrap(self) -> str:
        """The addresses of all: any of them may be away."""
        return ",".join(f"{HOST}:{broker.port}" for broker in self._cluster.brokers)

    def ready(self) -> bool:
        """Whether this broker answers and the cluster counts it in."""
        return super().ready() and self.node in self.admin().list_topics(timeout=ANSWER_SECONDS).brokers

    def _settings(self) -> str:
        controllers = ",".join(f"{HOST}:{broker.controller_port}" for broker in self._cluster.brokers)
        return super()._settings() + _CLUSTER.format(node=self.node, controllers=controllers)

    def _quorum(self) -> list[str]:
        voters = (
            f"{broker.node}@{HOST}:{broker.controller_port}:{self._cluster.directories[broker.node]}"
            for broker in self._cluster.brokers
        )
        return ["--cluster-id", self._cluster.id, "--initial-controllers", ",".join(voters)]


class ClusterStack(Stack):
    """Kafka is three brokers: `kafka-1` to `kafka-3`."""

    def __init__(self, home: Home, port_base: int) -> None:
        super().__init__(home, port_base)
        self.replicas, self.in_sync = REPLICAS, IN_SYNC
        cluster = Cluster()
        cluster.brokers = [
            Broker(home.state / f"kafka-{node}", self.tools, self.secrets, port_base, node, cluster) for node in PORTS
        ]
        self.brokers = {f"kafka-{broker.node}": broker for broker in cluster.brokers}
        self.kafka = cluster.brokers[0]

    def leaders(self, topic: Topic) -> Counter[str]:
        """How many partitions of the topic each broker leads; partitions without a leader count for none."""
        partitions = self._observer.list_topics(topic.name, timeout=ANSWER_SECONDS).topics[topic.name].partitions
        return Counter(f"kafka-{found.leader}" for found in partitions.values() if found.leader in PORTS)

    @cached_property
    def _observer(self) -> AdminClient:
        """A client that outlives a broker: each broker's own ends when that one is away."""
        return AdminClient(self.kafka.client_configuration("admin"), logger=_QUIET)

    def _broker_program(self, name: str, broker: Kafka) -> Program:
        """Killed at the end: nobody reads what is left, and the last of three waits in vain for the others' votes."""
        return replace(super()._broker_program(name, broker), stop_signal=signal.SIGKILL)
