"""Filled forms, as Collect writes them."""

from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from services.survey.openrosa.form import FORM_ID

START = "2022-02-05T09:00:00.000+07:00"
END = "2022-02-05T09:04:30.000+07:00"


def filled(
    *,
    instance_id: str | None = None,
    form_id: str = FORM_ID,
    persons: list[dict[str, Any]] | None = None,
    **answers: str,
) -> bytes:
    """A form of one house in Chiang Mai, with changes; an answer that is empty was passed over."""
    answers = {"start": START, "end": END, "area": "500101", "house": "99/1"} | answers
    persons = [{"age": "71", "dose_count": "0"}] if persons is None else persons
    address = "".join(_leaf(name, answers.pop(name, "")) for name in ("area", "moo", "house", "unit"))
    return (
        "<?xml version='1.0' encoding='UTF-8' ?>"
        f'<data id="{form_id}" version="1" xmlns:orx="http://openrosa.org/xforms">'
        f"{_leaf('start', answers.pop('start'))}{_leaf('end', answers.pop('end'))}<notice />"
        f"<address>{address}</address>{''.join(_leaf(name, text) for name, text in answers.items())}"
        f"<person_count>{len(persons)}</person_count>{''.join(map(_person, persons))}"
        f"<orx:meta><orx:instanceID>{instance_id or f'uuid:{uuid4()}'}</orx:instanceID></orx:meta></data>"
    ).encode()


def _person(answers: dict[str, Any]) -> str:
    doses = answers.pop("doses", [])
    leaves = "".join(_leaf(name, text) for name, text in answers.items())
    return f"<persons><who>{leaves}</who>{''.join(map(_dose, doses))}</persons>"


def _dose(answers: dict[str, str]) -> str:
    return f"<doses><dose>{''.join(_leaf(name, text) for name, text in answers.items())}</dose></doses>"


def _leaf(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else f"<{name} />"
