"""How far the workers of a stack are behind, by group, from the metrics of their processes."""

from __future__ import annotations

import http.client
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from shared.kafka.progress import drain_seconds

HOST = "127.0.0.1"
_TIMEOUT_S = 2.0
_PREFIX = "jitasa_consumer_"


@dataclass(slots=True)
class GroupLag:
    """What the processes of one group say together, each of its own partitions."""

    group: str
    processes: int = 0
    partitions: int = 0
    lag: int = 0
    oldest_seconds: float = 0.0
    records_per_second: float = 0.0
    by_partition: dict[tuple[str, int], int] = field(default_factory=dict)
    """What waits in each partition, by topic and number."""

    @property
    def drain_seconds(self) -> float:
        """Until what waits is taken, at the present rate; infinite when nothing is taken."""
        return drain_seconds(self.lag, self.records_per_second)

    def as_json(self) -> dict[str, Any]:
        """For programs, without the partitions; JSON has no infinity, so that drain time is null."""
        drain = self.drain_seconds
        told = asdict(self) | {"drain_seconds": None if math.isinf(drain) else drain}
        del told["by_partition"]
        return told


def of_processes(ports: Iterable[int]) -> list[GroupLag]:
    """The groups of the processes that answer at these ports."""
    return together(text for port in ports if (text := read(port)) is not None)


def together(metrics: Iterable[str]) -> list[GroupLag]:
    """The groups in these answers of /metrics, one of each process."""
    groups: defaultdict[str, GroupLag] = defaultdict(lambda: GroupLag(""))
    for text in metrics:
        for sample in samples(text, _PREFIX):
            name = sample.labels.get("group", "")
            match sample.name.removeprefix(_PREFIX):
                case "lag":
                    groups[name].lag += int(sample.value)
                    groups[name].partitions += 1
                    place = (sample.labels["topic"], int(sample.labels["partition"]))
                    groups[name].by_partition[place] = int(sample.value)
                case "oldest_seconds":
                    groups[name].oldest_seconds = max(groups[name].oldest_seconds, sample.value)
                case "records_per_second":
                    groups[name].records_per_second += sample.value
                    groups[name].processes += 1
    for name, group in groups.items():
        group.group = name
    return [groups[name] for name in sorted(groups)]


def samples(text: str, *names: str) -> Iterator[Sample]:
    """Those samples of an answer of /metrics whose names begin so. The parser, which is slow, is given no others."""
    wanted = "".join(line for line in text.splitlines(keepends=True) if line.startswith(names))
    for family in text_string_to_metric_families(wanted):
        yield from family.samples


def duration(seconds: float) -> str:
    """Short words for a table."""
    if math.isinf(seconds):
        return "never"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def read(port: int) -> str | None:
    """The metrics of the process at this port; None when it does not answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
