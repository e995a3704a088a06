"""What fits together in the chart, as kube-linter looks for it beside what `test_policy.py` holds: names that lead to
something, and nothing said twice."""

from __future__ import annotations

import pytest

from tests.contract.deploy import charts
from tests.contract.deploy.charts import VALUES, Document

pytestmark = pytest.mark.parametrize("values", VALUES)
NOWHERE = "nowhere"
"""A Service without pods, on purpose: what nobody outside is to ask is led there."""


def _ports(template: Document) -> dict[str, int]:
    (container,) = template["spec"]["containers"]
    return {each["name"]: each["containerPort"] for each in container.get("ports", [])}


def _behind(values: str, service: Document) -> list[Document]:
    """The templates of the pods that a Service leads to."""
    selector = service["spec"].get("selector", {})
    found = [template for _, template in charts.pods(values)]
    return [each for each in found if selector and selector.items() <= each["metadata"]["labels"].items()]


def test_every_service_leads_to_a_port_of_one_process(values: str) -> None:
    for name, service in charts.of_kind(values, "Service").items():
        templates = _behind(values, service)
        assert len(templates) == (0 if name == NOWHERE else 1), name
        for template in templates:
            assert all(port["targetPort"] in _ports(template) for port in service["spec"]["ports"]), name


def test_every_path_leads_to_a_service(values: str) -> None:
    services = charts.of_kind(values, "Service")
    (ingress,) = charts.of_kind(values, "Ingress").values()
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            asked = path["backend"]["service"]
            ports = services[asked["name"].removeprefix(f"{charts.RELEASE}-")]["spec"]["ports"]
            known = [{"number": port["port"]} for port in ports] + [{"name": port.get("name")} for port in ports]
            assert asked["port"] in known, asked


def test_probes_ask_a_port_that_the_process_has(values: str) -> None:
    for name, template in charts.pods(values):
        (container,) = template["spec"]["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["port"] in _ports(template), name
        assert 22 not in _ports(template).values()


def test_no_variable_is_told_twice_and_every_mount_has_its_volume(values: str) -> None:
    for name, template in charts.pods(values):
        (container,) = template["spec"]["containers"]
        names = [each["name"] for each in container["env"]]
        assert len(names) == len(set(names)), name
        volumes = {each["name"] for each in template["spec"]["volumes"]}
        mounted = [each["name"] for each in container["volumeMounts"]]
        assert sorted(mounted) == sorted(volumes), name
        assert len({each["mountPath"] for each in container["volumeMounts"]}) == len(mounted)


def test_pods_use_nothing_that_is_deprecated_or_of_the_node(values: str) -> None:
    for name, template in charts.pods(values):
        spec = template["spec"]
        assert not {"serviceAccount", "nodeName", "hostAliases"} & set(spec), name
        assert "sysctls" not in spec["securityContext"], name


def test_every_scaler_scales_a_deployment_and_every_name_is_given_once(values: str) -> None:
    deployments = charts.of_kind(values, "Deployment")
    assert set(charts.of_kind(values, "ScaledObject")) <= set(deployments)
    named = [(each["kind"], each["metadata"]["name"]) for each in charts.documents(values)]
    assert len(named) == len(set(named))
