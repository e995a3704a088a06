"""What every pod and its surroundings have to be like, whatever the values: little, limited, closed and encrypted."""

from __future__ import annotations

import re
from typing import Any

import prometheus_client
import pytest

from deploy import wiring
from deploy.catalogue import SERVICES
from deploy.cluster import description
from deploy.cluster.description import served
from services.reporting.processes.projector import GROUP
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED
from shared.observability import metrics
from tests.contract.deploy import charts
from tests.contract.deploy.charts import RELEASE, VALUES

pytestmark = pytest.mark.parametrize("values", VALUES)
HTTP = {served(service).name: service.name for service in SERVICES}
ANY_ADDRESS = "0.0.0.0/0"


def test_pods_may_do_little(values: str) -> None:
    for name, template in charts.pods(values):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {kind for volume in spec["volumes"] for kind in volume} == {"name", "projected", "emptyDir"}
        assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume)
        accounts = charts.of_kind(values, "ServiceAccount")
        account = accounts[spec["serviceAccountName"].removeprefix(f"{RELEASE}-")]
        assert account["automountServiceAccountToken"] is False


def test_pods_are_limited_and_asked_how_they_are(values: str) -> None:
    for name, deployment in charts.of_kind(values, "Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        probes = {
            probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")
        }
        assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}, name
        liveness = container["livenessProbe"]
        assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60, "longer than the longest batch"
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    for name, template in charts.pods(values):
        (container,) = template["spec"]["containers"]
        asked, most = container["resources"]["requests"], container["resources"]["limits"]
        assert set(asked) == set(most) == {"cpu", "memory", "ephemeral-storage"}, name
        assert _mebibytes(asked["memory"]) < _mebibytes(most["memory"])


def _mebibytes(amount: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", amount).groups()  # type: ignore[union-attr]  # the schema says so
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def test_images_do_not_change_by_themselves(values: str) -> None:
    for _, template in charts.pods(values):
        (container,) = template["spec"]["containers"]
        assert re.fullmatch(r"[a-z0-9./-]+(:[0-9][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})", container["image"])


def test_nodes_can_be_emptied_and_pods_are_spread(values: str) -> None:
    budgets = charts.of_kind(values, "PodDisruptionBudget")
    deployments = charts.of_kind(values, "Deployment")
    assert set(budgets) == set(deployments)
    for name, deployment in deployments.items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector.items() <= labels.items()
        assert budgets[name]["spec"]["selector"]["matchLabels"] == selector
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(each["labelSelector"]["matchLabels"] == selector for each in spread)


def test_no_secret_is_written(values: str) -> None:
    assert not charts.of_kind(values, "Secret")
    for name, template in charts.pods(values):
        for variable, value in charts.variables(template).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEYS?_|KEY$", variable) and variable != "JITASA_TOKEN_ISSUER":
                assert variable in ("JITASA_SECRETS",) or variable.endswith("_FILE"), (name, variable)
            if variable.endswith("_FILE"):
                assert value.startswith(f"{wiring.SECRETS}/")


def test_everything_is_encrypted(values: str) -> None:
    for name, template in charts.pods(values):
        told = charts.variables(template)
        if "JITASA_KAFKA_BOOTSTRAP" in told:
            assert told["JITASA_KAFKA_AUTHORITY_FILE"], name
        if "JITASA_POSTGRES_HOST" in told:
            assert told["JITASA_POSTGRES_AUTHORITY_FILE"], name
        assert not [value for value in told.values() if value.startswith("http://")], name
    (ingress,) = charts.of_kind(values, "Ingress").values()
    (tls,) = ingress["spec"]["tls"]
    assert tls["secretName"]
    assert sorted(tls["hosts"]) == sorted(rule["host"] for rule in ingress["spec"]["rules"])
    for kafka in charts.of_kind(values, "Kafka").values():
        assert all(listener["tls"] for listener in kafka["spec"]["kafka"]["listeners"])
        assert kafka["spec"]["kafka"]["authorization"]["type"] == "simple"
    for server in charts.of_kind(values, "Cluster").values():
        assert server["spec"]["postgresql"]["pg_hba"] == ["hostnossl all all all reject"]


def _selected(policy: dict[str, Any], labels: dict[str, str]) -> bool:
    return bool(policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items())


def test_nothing_goes_in_or_out_but_what_is_said(values: str) -> None:
    policies = charts.of_kind(values, "NetworkPolicy")
    closed = policies[RELEASE]["spec"]
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in closed
    assert "egress" not in closed
    for name, template in charts.pods(values):
        labels = template["metadata"]["labels"]
        applying = {each for each, policy in policies.items() if _selected(policy, labels)}
        assert applying >= {name}
        assert RELEASE in applying, "also who has rules of its own is closed otherwise"
        for rule in policies[name]["spec"].get("egress", []):
            assert rule["to"], "an empty list would be everybody"
            assert rule["ports"]
        for rule in policies[name]["spec"].get("ingress", []):
            assert rule["from"]
            assert rule["ports"]


def test_only_who_has_to_reach_the_internet_and_other_services(values: str) -> None:
    policies = charts.of_kind(values, "NetworkPolicy")
    internet, asking = set(), set()
    for name, _ in charts.pods(values):
        for rule in policies[name]["spec"].get("egress", []):
            blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
            if any(block["cidr"] == ANY_ADDRESS for block in blocks):
                assert all({"10.0.0.0/8", "169.254.0.0/16"} <= set(block["except"]) for block in blocks)
                internet.add(name)
            if 8443 in [port["port"] for port in rule["ports"]]:
                asking.add(name)
    assert internet == set(wiring.OUTSIDE)
    assert asking == set(wiring.ASKING)


def test_requests_come_from_the_ingress_controller_to_http_processes_alone(values: str) -> None:
    policies = charts.of_kind(values, "NetworkPolicy")
    for _, process, _ in wiring.of_everything():
        rules = policies[process.name]["spec"].get("ingress", [])
        peers = [peer for rule in rules for peer in rule["from"]]
        monitored = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
        others = [peer for peer in peers if peer not in monitored]
        assert bool(others) == (process.name in HTTP)
        for rule in rules:
            assert [port["port"] for port in rule["ports"]] == [description.port(process)]


def test_keda_asks_for_figures_that_there_are(values: str) -> None:
    known = {
        sample.name
        for metric in vars(metrics).values()
        if isinstance(metric, prometheus_client.metrics.MetricWrapperBase)
        for family in metric.describe()
        for sample in [family]
    }
    known |= {f"{name}_total" for name in known}
    deployments = charts.of_kind(values, "Deployment")
    scaled = charts.of_kind(values, "ScaledObject")
    assert set(scaled) == ({"survey-http", "survey-recorder", "reporting-projector"} if values != "small" else set())
    for name, document in scaled.items():
        spec = document["spec"]
        assert spec["scaleTargetRef"]["name"] == f"{RELEASE}-{name}"
        assert "replicas" not in deployments[name]["spec"], "two would decide"
        queries = [trigger["metadata"]["query"] for trigger in spec["triggers"]]
        for query in queries:
            assert re.findall(r"jitasa_\w+", query)[0] in known, query
        if name != "survey-http":
            assert spec["maxReplicaCount"] <= min(SURVEY_INTAKE.partitions, SURVEY_SUBMITTED.partitions)
            assert len(queries) == 2
            assert all(f'group="{name}"' in query for query in queries)
    assert GROUP == "reporting-projector"
