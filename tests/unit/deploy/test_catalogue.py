"""The catalogue fits the code, and grants no more than the design says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from deploy import catalogue
from deploy.catalogue import Service, processes
from deploy.provisioning import bindings
from deploy.scale import ONE_OF_EACH
from shared.contracts import topics

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("service", catalogue.SERVICES, ids=lambda service: service.name)
def test_migrations_and_modules_exist(service: Service) -> None:
    for folder in service.migrations:
        assert list(folder.glob("*.sql")), folder
    for process in service.processes:
        assert importlib.util.find_spec(process.module), process.module


def test_every_topic_has_exactly_one_writer_and_no_right_goes_to_an_unknown_topic() -> None:
    written = [topic for service in catalogue.SERVICES for topic in service.topics_written]
    assert len(set(written)) == len(written)
    assert {*written, *(topic for service in catalogue.SERVICES for topic in service.topics_read)} <= set(topics.ALL)


def test_the_private_topic_belongs_to_survey_alone() -> None:
    for service in catalogue.SERVICES:
        reads = topics.SURVEY_INTAKE in (*service.topics_read, *service.topics_written)
        assert reads == (service is catalogue.SURVEY)


def test_reporting_may_write_nothing() -> None:
    operations = {each.operation for each in bindings(catalogue.REPORTING) if each.restype == ResourceType.TOPIC}
    assert operations == {AclOperation.READ, AclOperation.DESCRIBE}


def test_the_gatekeeper_may_touch_no_topic_and_no_group() -> None:
    (service,) = (service for service in catalogue.SERVICES if service.gatekeeper)
    assert service is catalogue.REPORTING
    granted = {each for each in bindings(service) if each.principal == f"User:{service.gatekeeper}"}
    assert {each.restype for each in granted} == {ResourceType.BROKER}
    assert {each.operation for each in granted} == {AclOperation.ALTER, AclOperation.ALTER_CONFIGS}


def test_the_architecture_page_tells_of_every_process_and_no_other() -> None:
    page = (DOCS / "architecture.md").read_text().partition("## The processes")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(told) == sorted(process.name for _, process in processes(ONE_OF_EACH))
    assert page.strip().startswith("Fourteen") == (len(told) == 14)
