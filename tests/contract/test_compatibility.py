"""The gate lets pass what old and new readers both understand, and catches each kind of break."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from shared.contracts import generate
from shared.contracts.compatibility import additions, breaks, differences

SCHEMAS: dict[str, dict[str, Any]] = {topic.name: schema for topic, schema in generate.schemas().items()}
SURVEY = SCHEMAS["survey-submitted"]
FACILITY = SCHEMAS["facility-updated"]

Change = Callable[[dict[str, Any]], object]


def changed(schema: dict[str, Any], change: Change) -> dict[str, Any]:
    copy = deepcopy(schema)
    change(copy)
    return copy


def counts(schema: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = schema["$defs"]["HouseholdCounts"]
    return part


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s["properties"].update(weather={"type": "string"}), id="an optional property"),
        pytest.param(
            lambda s: counts(s)["properties"].update(children={"type": "integer", "default": 0}),
            id="an optional property of a part",
        ),
        pytest.param(lambda s: s["properties"].update(part={"$ref": "#/$defs/HouseholdCounts"}), id="a whole part"),
        pytest.param(lambda s: s.update(description="said better"), id="a description"),
        pytest.param(lambda s: s["properties"]["area"].update(examples=["100101"]), id="examples"),
        pytest.param(lambda s: s["$defs"]["SubmissionKind"]["enum"].reverse(), id="the order of values"),
        pytest.param(lambda s: s["required"].reverse(), id="the order of required properties"),
        pytest.param(lambda s: s["properties"]["area"].update(deprecated=True), id="what is deprecated"),
        pytest.param(
            lambda s: s["properties"].update(kind=s["$defs"].pop("SubmissionKind")), id="a part written out in place"
        ),
    ],
)
def test_lets_pass(change: Change) -> None:
    assert differences(SURVEY, changed(SURVEY, change)) == []


BREAKS: list[tuple[str, dict[str, Any], Change, str]] = [
    ("removed", SURVEY, lambda s: s["properties"].pop("area"), "/area: removed"),
    ("renamed", SURVEY, lambda s: s["properties"].update(place=s["properties"].pop("area")), "/area: removed"),
    ("made required", FACILITY, lambda s: s["required"].append("hours_note"), "/hours_note: made required"),
    ("no longer required", SURVEY, lambda s: s["required"].remove("area"), "/area: no longer required"),
    (
        "added as required",
        SURVEY,
        lambda s: (s["properties"].update(weather={"type": "string"}), s["required"].append("weather")),
        "/weather: added as required",
    ),
    ("another type", SURVEY, lambda s: s["properties"]["area"].update(type="integer"), "/area: type"),
    (
        "null no longer allowed",
        SURVEY,
        lambda s: s["properties"].update(volunteer_id={"type": "string", "format": "uuid"}),
        "/volunteer_id: anyOf",
    ),
    (
        "null newly allowed",
        SURVEY,
        lambda s: s["properties"].update(area={"anyOf": [s["properties"]["area"], {"type": "null"}]}),
        "/area: anyOf",
    ),
    ("value removed", SURVEY, lambda s: s["$defs"]["SubmissionKind"]["enum"].pop(), "/kind: enumerated values removed"),
    (
        "value added",
        SURVEY,
        lambda s: s["$defs"]["SubmissionKind"]["enum"].append("census"),
        "/kind: enumerated values added",
    ),
    (
        "enumeration made free text",
        SURVEY,
        lambda s: s["$defs"]["SubmissionKind"].pop("enum"),
        '/kind: enum was ["survey", "follow_up", "erasure"] and is absent',
    ),
    ("limit lowered", SURVEY, lambda s: s["properties"]["revision"].update(maximum=9), "/revision: maximum"),
    ("limit raised", SURVEY, lambda s: s["properties"]["revision"].update(maximum=2**40), "/revision: maximum"),
    ("limit dropped", SURVEY, lambda s: s["properties"]["revision"].pop("minimum"), "/revision: minimum"),
    ("limit added", SURVEY, lambda s: s["properties"]["area"].update(maxLength=6), "/area: maxLength"),
    ("another pattern", SURVEY, lambda s: s["properties"]["area"].update(pattern="^[0-9]{8}$"), "/area: pattern"),
    ("another format", SURVEY, lambda s: s["properties"]["captured_at"].update(format="date"), "/captured_at: format"),
    (
        "another default",
        FACILITY,
        lambda s: s["properties"]["hours_note"].update(default=""),
        "/hours_note: default",
    ),
    ("items changed", FACILITY, lambda s: s["properties"]["services"]["items"].pop("pattern"), "/services/items"),
    (
        "closed to unknown properties",
        SURVEY,
        lambda s: s.update(additionalProperties=False),
        "the event: additionalProperties",
    ),
    (
        "values of a map changed",
        SURVEY,
        lambda s: counts(s)["properties"]["reasons"]["patternProperties"]["^[a-z][a-z0-9_]{0,39}$"].update(minimum=1),
        "/before/reasons/^[a-z][a-z0-9_]{0,39}$: minimum",
    ),
    ("removed from a part", SURVEY, lambda s: counts(s)["properties"].pop("dose_3"), "/before/dose_3: removed"),
    (
        "in a list of parts",
        FACILITY,
        lambda s: s["$defs"]["OpeningHours"]["properties"].pop("close"),
        "/hours/items/close: removed",
    ),
]


@pytest.mark.parametrize(("schema", "change", "said"), [case[1:] for case in BREAKS], ids=[case[0] for case in BREAKS])
def test_catches(schema: dict[str, Any], change: Change, said: str) -> None:
    found = differences(schema, changed(schema, change))
    assert any(line.startswith(said) for line in found), found


def test_a_closed_object_takes_no_new_property() -> None:
    closed = changed(SURVEY, lambda s: s.update(additionalProperties=False))
    more = changed(closed, lambda s: s["properties"].update(weather={"type": "string"}))
    assert differences(closed, more) == ["/weather: added to an object that allows nothing unknown"]


def test_holds_against_all_publications_and_not_just_the_last() -> None:
    first = changed(SURVEY, lambda s: s["properties"].update(weather={"type": "string"}))
    # Publication 2 took the property away, which should never have passed; the gate must not forget the first.
    assert breaks({"survey-submitted": SURVEY}, {"survey-submitted": [SURVEY]}) == []
    assert breaks({"survey-submitted": SURVEY}, {"survey-submitted": [first, SURVEY]}) == [
        "survey-submitted, against publication 1: /weather: removed"
    ]


def test_a_published_event_stays_described() -> None:
    assert breaks({}, {"survey-submitted": [SURVEY]}) == ["survey-submitted: was published and is no longer described"]


def test_tells_what_was_added_and_where() -> None:
    def grow(schema: dict[str, Any]) -> None:
        schema["properties"]["weather"] = {"type": "string", "description": "at the door"}
        counts(schema)["properties"]["children"] = {"type": "integer", "default": 0}

    assert additions(SURVEY, changed(SURVEY, grow)) == {
        "/before/children": {"type": "integer", "default": 0},
        "/after/children": {"type": "integer", "default": 0},
        "/weather": {"type": "string", "description": "at the door"},
    }
    hours = changed(FACILITY, lambda s: s["$defs"]["OpeningHours"]["properties"].update(note={"type": "string"}))
    assert additions(FACILITY, hours) == {"/hours/items/note": {"type": "string"}}
    assert additions(SURVEY, SURVEY) == {}
