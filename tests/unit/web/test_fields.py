"""Areas in requests: what is taken, and what is said of what is not."""

import pytest
from pydantic import BaseModel, ValidationError

from shared.web.fields import AreaCode, Body
from shared.web.problems import FieldError
from shared.web.validation import field_errors


class Place(Body):
    """A body with an area."""

    area: AreaCode


def errors_of(model: type[BaseModel], body: dict[str, object]) -> list[FieldError]:
    with pytest.raises(ValidationError) as invalid:
        model.model_validate(body)
    return field_errors(invalid.value.errors())


def test_areas_in_use_are_taken_also_in_thai_digits() -> None:
    for text, code in (("500101", "500101"), (" ๕๐๐๑ ", "5001"), ("", "")):
        assert Place(area=text).area == code


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("500201", "abolished_area", "The area 500201 was abolished; it is now 502403"),
        ("999999", "unknown_area", "There is no area with this code"),
        ("5" * 101, "too_long", "This is too long"),
    ],
)
def test_other_codes_are_refused_with_what_took_their_place(text: str, code: str, said: str) -> None:
    (error,) = errors_of(Place, {"area": text})
    assert (error.path, error.code, error.message.en) == ("area", code, said)


def test_a_misspelt_field_is_not_dropped_in_silence() -> None:
    assert [(error.path, error.code) for error in errors_of(Place, {"area": "50", "aera": "51"})] == [
        ("aera", "unknown_field")
    ]
