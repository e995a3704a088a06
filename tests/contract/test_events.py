"""The events: round trips, what they refuse, and that the generated half of the contract is theirs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from shared.contracts import events, generate
from shared.contracts.envelope import from_headers
from shared.contracts.events import HouseholdCounts, SurveySubmitted
from shared.contracts.golden import Example, examples
from shared.contracts.topics import ALL, PUBLIC, SURVEY_INTAKE, SURVEY_SUBMITTED, Topic

GOLDEN = list(examples())
SCHEMAS = {topic.name: schema for topic, schema in generate.schemas().items()}

slugs = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)


@st.composite
def counts(draw: st.DrawFn) -> HouseholdCounts:
    doses = draw(st.lists(st.integers(0, 500), min_size=4, max_size=4))
    persons = sum(doses)
    wanting = draw(st.integers(0, persons))
    undecided = draw(st.integers(0, persons - wanting))
    return HouseholdCounts(
        persons=persons,
        dose_0=doses[0],
        dose_1=doses[1],
        dose_2=doses[2],
        dose_3=doses[3],
        wanting=wanting,
        wanting_608=draw(st.integers(0, wanting)),
        undecided=undecided,
        refusing=draw(st.integers(0, persons - wanting - undecided)),
        home_visit=draw(st.integers(0, persons)),
        reasons=draw(st.dictionaries(slugs, st.integers(0, persons), max_size=5)),
    )


def drawn(example: Example) -> st.SearchStrategy[BaseModel]:
    """Events like the example with the parts that vary freely drawn anew."""
    model = type(example.event)
    body = example.event.model_dump()
    free: dict[str, st.SearchStrategy[Any]] = {"revision": st.integers(1, 2**31 - 1)}
    for name in body.keys() & {"submission_id", "household_id", "volunteer_id", "facility_id", "request_id"}:
        free[name] = st.uuids()
    for name in body.keys() & {"captured_at", "recorded_at", "registered_at", "updated_at", "confirmed_at"}:
        free[name] = st.datetimes(timezones=st.timezones()).filter(lambda time: 2 < time.year < 9998)
    if model is SurveySubmitted:
        free |= {"before": st.none() | counts(), "after": counts()}
        free |= {"kind": st.sampled_from(["survey", "follow_up"]), "outcome": st.just("recorded")}
    if "name" in body:
        free["name"] = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300)
    return st.fixed_dictionaries(free).map(lambda values: model.model_validate(body | values))


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_event_to_json_to_event(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(GOLDEN).flatmap(drawn))
    text = event.model_dump_json()
    again = type(event).model_validate_json(text)
    assert again == event
    assert again.model_dump_json() == text
    topic = next(topic for topic in PUBLIC if topic.model is type(event))
    Draft202012Validator(SCHEMAS[topic.name]).validate(json.loads(text))


@pytest.mark.parametrize("example", GOLDEN, ids=lambda example: f"{example.topic.name}-{example.name}")
def test_golden_example_reads_back(example: Example) -> None:
    path = generate.ROOT / "examples" / example.topic.name / f"{example.name}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert example.topic.model is not None
    event = example.topic.model.model_validate(record["body"])
    assert event == example.event
    assert event.model_dump(mode="json") == record["body"]
    envelope = from_headers([(name, value.encode()) for name, value in record["headers"].items()])
    assert envelope == example.envelope
    assert (envelope.type, envelope.source) == (example.topic.event_type, example.topic.source)
    assert record["key"] == envelope.subject
    assert record["partition"] == example.topic.partition_of(record["key"])
    Draft202012Validator(SCHEMAS[example.topic.name]).validate(record["body"])
    # An event of a newer producer carries more, and still reads.
    assert example.topic.model.model_validate(record["body"] | {"added_later": 1}) == event


def test_golden_examples_show_every_value_of_every_enumeration() -> None:
    shown = {topic.name: json.dumps([e.as_json() for e in GOLDEN if e.topic is topic]) for topic in PUBLIC}
    for topic, kinds in {
        "volunteer-registered": (events.VolunteerStatus, events.OrganisationKind),
        "survey-submitted": (events.SubmissionKind, events.SubmissionOutcome),
        "facility-updated": (events.FacilityKind, events.FacilityStatus, events.FacilityChange),
        "further-facility-updated": (),
        "help-updated": (events.HelpStatus,),
    }.items():
        for kind in kinds:
            for value in kind:
                assert f'"{value}"' in shown[topic], f"{topic} has no example of {value}"
    for topic, text in shown.items():
        assert '"before": null' in text, f"{topic} has no example with nothing before"
        assert '"before": {' in text, f"{topic} has no example with something before"
    assert any("\u0e00" < letter < "\u0e7f" for e in GOLDEN for letter in json.dumps(e.as_json(), ensure_ascii=False))


def test_places_of_both_streams_differ_in_nothing_but_their_kinds() -> None:
    five, further = SCHEMAS["facility-updated"], SCHEMAS["further-facility-updated"]
    assert five["properties"].keys() == further["properties"].keys()
    assert five["required"] == further["required"]
    example = next(e for e in GOLDEN if isinstance(e.event, events.FurtherFacilityUpdated))
    body = example.event.model_dump(mode="json")
    assert events.FurtherFacilityUpdated.model_validate(body | {"kind": "oxygen_depot"}).kind == "oxygen_depot"
    with pytest.raises(ValidationError):
        events.FacilityUpdated.model_validate(body)
    with pytest.raises(ValidationError):
        events.FurtherFacilityUpdated.model_validate(body | {"kind": "Oxygen depot"})


def _survey(**changes: object) -> dict[str, object]:
    body = next(e for e in GOLDEN if e.topic is SURVEY_SUBMITTED and e.name == "again").event.model_dump(mode="json")
    return body | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"area": "5001"},
        {"area": "50010๑"},
        {"captured_at": "2022-01-15T09:30:00"},
        {"captured_at": "0001-01-01T00:00:00+14:00"},
        {"captured_at": "9999-12-31T23:59:59-14:00"},
        {"revision": 0},
        {"revision": 2**31},
        {"revision": "2"},
        {"revision": True},
        {"household_id": "somewhere"},
        {"kind": "census"},
        {"outcome": "superseded"},
        {"kind": "erasure"},
        {"after": None},
    ],
)
def test_survey_refuses(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SurveySubmitted.model_validate_json(json.dumps(_survey(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"persons": 5},
        {"dose_0": -1, "dose_1": 2},
        {"dose_0": 2**31},
        {"dose_0": 1.5},
        {"wanting": 4},
        {"wanting_608": 1},
        {"home_visit": 5},
        {"reasons": {"cost": 5}},
        {"reasons": {"ค่าใช้จ่าย": 1}},
        {"reasons": {"a\u0000": 1}},
    ],
)
def test_counts_that_do_not_add_up_are_refused(changes: dict[str, object]) -> None:
    good = _survey()["after"]
    assert isinstance(good, dict)
    with pytest.raises(ValidationError):
        HouseholdCounts.model_validate_json(json.dumps(good | changes))


def test_text_that_the_database_cannot_hold_is_refused() -> None:
    body = next(e for e in GOLDEN if e.name == "test-point").event.model_dump(mode="json")
    with pytest.raises(ValidationError, match="name"):
        events.FacilityUpdated.model_validate_json(json.dumps(body | {"name": "ก\u0000ข"}))
    with pytest.raises(ValidationError):
        events.FacilityUpdated.model_validate_json(json.dumps(body | {"name": "\ud800"}))


def test_nothing_generated_is_stale() -> None:
    assert generate.stale(generate.rendered()) == [], "run: python -m shared.contracts.generate"


def test_check_says_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "DOCS", tmp_path / "docs")
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "asyncapi.json").write_text("{}")
    (tmp_path / "schemas" / "help-updated.json").unlink()
    (tmp_path / "schemas" / "forgotten.json").write_text("{}")
    (tmp_path / "docs" / "changelog-events.md").write_text("nothing")
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert "schemas/forgotten.json: nothing generates it any more" in said
    assert "schemas/help-updated.json: missing" in said
    assert "asyncapi.json: differs from the models" in said
    assert "docs/changelog-events.md: differs from the models" in said
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_schema_is_valid_and_named(topic: Topic) -> None:
    schema = SCHEMAS[topic.name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == topic.dataschema


def test_topics_are_distinct_and_only_the_intake_is_private_and_forgets() -> None:
    assert len({topic.name for topic in ALL}) == len(ALL)
    assert [topic for topic in ALL if not topic.public] == [SURVEY_INTAKE]
    assert all(topic.retention_ms == -1 for topic in PUBLIC)
    assert SURVEY_INTAKE.retention_ms == 604_800_000
    assert SURVEY_INTAKE.partitions == SURVEY_SUBMITTED.partitions
