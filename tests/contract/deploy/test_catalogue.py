"""The chart says what the catalogue says: every process, port, setting, topic, user and database."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deploy import provisioning, wiring
from deploy.catalogue import SERVICES
from deploy.cluster import description
from deploy.local.home import Home
from deploy.local.stack import Stack
from deploy.wiring import Feature
from shared.contracts import topics
from tests.contract.deploy import charts
from tests.contract.deploy.charts import CHART, RELEASE, VALUES

OF_ONE_MACHINE = {
    "JITASA_SMS_SINK_FILE",  # instead of a provider
    "JITASA_STACK",
    "JITASA_WEBHOOK_ALLOW_LOOPBACK",  # for whoever writes a receiver
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",  # all these are the image's
}
OF_A_CLUSTER = {
    "FORWARDED_ALLOW_IPS",  # on one machine nothing stands in front
    "JITASA_KAFKA_AUTHORITY_FILE",
    "JITASA_POSTGRES_AUTHORITY_FILE",  # nor is anything encrypted there
    "JITASA_SMS_URL",
    "JITASA_SMS_TOKEN_FILE",
    "JITASA_SMTP_HOST",
    "JITASA_SMTP_PORT",
    "JITASA_SMTP_SENDER",
    "JITASA_SMTP_USER",
    "JITASA_SMTP_PASSWORD_FILE",  # nor sent
    "JITASA_TRACE_ENDPOINT",
    "JITASA_TRACE_SHARE",  # there the supervisor hands its own on
}
EVERYTHING = wiring.of_everything()
PROCESSES = [process.name for _, process, _ in EVERYTHING]


def test_the_charts_copy_of_the_catalogue_is_the_codes() -> None:
    written = (CHART / "catalogue.json").read_text()
    assert written == description.document(), "python -m deploy.cluster.description > deploy/helm/catalogue.json"


def test_processes_are_told_the_same_on_one_machine_and_in_a_cluster(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path / "tools")
    home.issuers.touch()
    stack = Stack(home, 9000)
    for _, process, told in EVERYTHING:
        here = set(stack.environment(process.name)) - OF_ONE_MACHINE
        assert here == {variable.name for variable in told} - OF_A_CLUSTER, process.name


@pytest.mark.parametrize("values", VALUES)
def test_every_process_runs_as_the_catalogue_says(values: str) -> None:
    deployments = charts.of_kind(values, "Deployment")
    assert sorted(deployments) == sorted(PROCESSES)
    for service, process, told in EVERYTHING:
        template = deployments[process.name]["spec"]["template"]
        (container,) = template["spec"]["containers"]
        assert container["args"] == ["-m", process.module]
        assert [port["containerPort"] for port in container["ports"]] == [description.port(process)]
        assert template["metadata"]["annotations"]["prometheus.io/port"] == str(description.port(process))
        environment = charts.variables(template)
        wanted = {variable.name for variable in told if variable.feature is None}
        optional = {variable.name for variable in told if variable.feature is not None}
        assert wanted <= set(environment) <= wanted | optional, process.name
        if values == "country":
            assert optional <= set(environment), "the country has everything"
        assert environment["JITASA_HTTP_PORT"] == str(description.port(process))
        assert environment["JITASA_POSTGRES_USER"] == environment["JITASA_KAFKA_USERNAME"] == service.name
        pointed = {value for value in environment.values() if value.startswith(f"{wiring.SECRETS}/")}
        assert pointed == {f"{wiring.SECRETS}/{name}" for name in charts.files(template)}, "each file, and no other"


def test_no_feature_is_told_of_where_it_is_off() -> None:
    for _, process, told in EVERYTHING:
        template = charts.of_kind("small", "Deployment")[process.name]["spec"]["template"]
        optional = {variable.name for variable in told if variable.feature is not None}
        assert not optional & set(charts.variables(template)), process.name


def test_a_secret_goes_only_to_who_uses_it() -> None:
    held: dict[str, set[str]] = {}
    for name, template in charts.pods("country"):
        for file in charts.files(template):
            held.setdefault(file, set()).add(name)
    registration = {name for name in PROCESSES if name.startswith("registration-")}
    survey = {name for name in PROCESSES if name.startswith("survey-")}
    assert held["signing-keys.json"] == held["registration-sealing-keys.json"] == registration
    assert held["sealing-keys.json"] == held["household-key"] == survey
    assert held["blind-index-key"] == registration | survey
    assert held["kafka-gatekeeper"] == {"reporting-keeper", "kafka"}
    assert held["postgres-admin"] == {"databases-main", "databases-survey"}
    assert held["kafka-admin"] == {"kafka"}


@pytest.mark.parametrize("values", ["small", "province"])
def test_strimzi_is_told_of_the_topics_as_the_contract_has_them(values: str) -> None:
    found = charts.of_kind(values, "KafkaTopic")
    assert sorted(found) == sorted(topic.name for topic in topics.ALL)
    in_sync = {"small": 1, "province": 2}[values]
    for topic in topics.ALL:
        spec = found[topic.name]["spec"]
        assert spec["partitions"] == topic.partitions
        assert spec["config"] == provisioning.settings_of(topic, in_sync)


def test_a_grown_survey_is_told_to_strimzi_and_to_the_job() -> None:
    done = charts.helm("province", "--set", "kafka.surveyPartitions=48")
    assert done.returncode == 0, done.stderr
    documents = [each for each in yaml.safe_load_all(done.stdout) if each]
    told = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "KafkaTopic"}
    assert {name: spec["partitions"] for name, spec in told.items()} == {
        topic.name: 48 if topic.grows else 24 for topic in topics.ALL
    }
    assert '{ name: JITASA_SURVEY_PARTITIONS, value: "48" }' in done.stdout
    assert charts.helm("province", "--set", "kafka.surveyPartitions=36").returncode != 0


@pytest.mark.parametrize("partitions", [48, 96])
def test_a_grown_survey_may_have_as_many_readers(partitions: int) -> None:
    readers = ("survey-recorder", "survey-lister", "reporting-projector", "survey-http")
    told = [word for name in readers for word in ("--set", f"processes.{name}.most={partitions}")]
    done = charts.helm("province", "--set", f"kafka.surveyPartitions={partitions}", *told)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("values", VALUES)
def test_jobs_provision_every_database_once_and_every_user(values: str) -> None:
    jobs = charts.of_kind(values, "Job")
    services: list[str] = []
    for name, job in jobs.items():
        (container,) = job["spec"]["template"]["spec"]["containers"]
        module, command, *arguments = container["args"][1:]
        assert module == "deploy.cluster"
        if command == "kafka":
            users = {f"kafka-{user}" for service in SERVICES for user in service.kafka_users}
            assert users <= set(charts.files(job["spec"]["template"]))
        else:
            assert (command, name.split("-")[0]) == ("databases", "databases")
            services += arguments
            assert {f"postgres-{service}" for service in arguments} <= set(charts.files(job["spec"]["template"]))
            host = charts.variables(job["spec"]["template"])["JITASA_POSTGRES_HOST"]
            for _, process, _ in (each for each in EVERYTHING if each[0].name in arguments):
                deployment = charts.of_kind(values, "Deployment")[process.name]
                told = charts.variables(deployment["spec"]["template"])
                assert told["JITASA_POSTGRES_HOST"] == host, "a service looks where its database was made"
    assert sorted(services) == sorted(service.name for service in SERVICES)


@pytest.mark.parametrize("values", VALUES)
def test_jobs_come_before_an_upgrade_and_never_before_what_they_work_on(values: str) -> None:
    for name, job in charts.of_kind(values, "Job").items():
        hook = job["metadata"]["annotations"]["helm.sh/hook"]
        first = "pre-install" if values == "country" else "post-install"
        assert hook == f"{first},pre-upgrade", name
        account = charts.of_kind(values, "ServiceAccount")[name]
        assert int(account["metadata"]["annotations"]["helm.sh/hook-weight"]) < 0, "it has to be there before the pod"


def test_every_setting_that_is_a_file_has_the_name_that_the_local_stack_gives_it(tmp_path: Path) -> None:
    """So that a home's folder of secrets is what a cluster's Secrets are made from."""
    stack = Stack(Home(tmp_path, tmp_path / "tools"), 9000)
    made = {path.name for path in stack.secrets.folder.iterdir()}
    brought = {
        "kafka-authority.pem",
        "postgres-authority.pem",
        "subscriber-authority.pem",  # by who keeps the servers
        "issuers.json",
        "sms-token",
        "mail-password",  # by others
        "keeper.json",  # when registration runs
    }
    asked = {name for _, _, told in EVERYTHING for name in wiring.files(told)}
    assert asked - brought <= made
    assert {variable.feature for _, _, told in EVERYTHING for variable in told} == {None, *Feature}


REFUSED = {
    "a process that is not there": (
        [
            f"processes.survey-cook.{name}={value}"
            for name, value in {
                "least": "1",
                "most": "1",
                "cpu": "1m",
                "cpuLimit": "1m",
                "memory": "1Mi",
                "memoryLimit": "1Mi",
            }.items()
        ],
        "processes.survey-cook: there is no such process",
    ),
    "a secret itself": (["secrets.named.household-key=c2VjcmV0"], "household-key"),
    "a secret beside its name": (
        [
            "secrets.named.household-key.name=a",
            "secrets.named.household-key.key=b",
            "secrets.named.household-key.value=c",
        ],
        "value",
    ),
    "a secret as a setting": (["processes.survey-http.settings.JITASA_SMS_TOKEN=x"], "JITASA_SMS_TOKEN"),
    "a password in an address": (["settings.smsUrl=https://me:password@sms.example"], "smsUrl"),
    "no encryption of messages": (["settings.smsUrl=http://sms.example"], "smsUrl"),
    "an image that changes": (["image.tag=latest"], "tag"),
    "a proxy that everybody can be": (["network.proxies={0.0.0.0/0}"], "proxies"),
    "nobody in front": (["network.ingressController=null"], "ingressController"),
    "a service without a database": (["postgres.servers.main.services={registration,survey,facilities}"], "reporting"),
    "more recorders than partitions": (["processes.survey-recorder.most=25"], "processes.survey-recorder: 25"),
    "more listers than partitions": (["processes.survey-lister.least=25"], "processes.survey-lister: 25"),
    "more projectors than partitions": (
        ["processes.reporting-projector.most=49", "kafka.surveyPartitions=48"],
        "processes.reporting-projector: 49",
    ),
    "more than partitions can be": (["processes.survey-http.most=97"], "most"),
    "another PostgreSQL": (["postgres.cloudnativepg.image=postgresql:17.1"], "image"),
    "a host of no name": (["hosts.survey="], "survey"),
    "Kafka without its network": (
        ["kafka.strimzi.enabled=false", "kafka.bootstrap=kafka.example:9093"],
        "kafka.peers is empty",
    ),
}


@pytest.mark.parametrize("which", REFUSED)
def test_the_chart_refuses(which: str) -> None:
    settings, named = REFUSED[which]
    done = charts.helm("small", *(word for setting in settings for word in ("--set", setting)))
    assert done.returncode != 0
    assert named in done.stderr


def test_names_bear_the_release() -> None:
    kept = {topic.name for topic in topics.ALL}
    for document in charts.documents("province"):
        name = document["metadata"]["name"]
        assert name == RELEASE or name.startswith(f"{RELEASE}-") or name in kept
