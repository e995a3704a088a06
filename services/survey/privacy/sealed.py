"""Which tables of the survey hold sealed rows, and what each is bound to."""

from typing import Final

from services.survey.help.personal import FIELD as HELP
from services.survey.intake import SEALED_FIELD
from services.survey.phone.store import DEVICE_KEY
from services.survey.privacy import requests
from shared.postgres.rewrapping import SealedTable

TABLES: Final = (
    SealedTable("submission", "household_id", f"'{SEALED_FIELD}'"),
    SealedTable("subject_request", "request_id", f"'{requests.SEALED_FIELD}'"),
    SealedTable("help_request", "request_id", f"'{HELP}'"),
    SealedTable("help_step", "request_id", f"'{HELP}.note.' || revision"),
    SealedTable("device_key", "volunteer_id", f"'{DEVICE_KEY}'"),
    SealedTable("house", "household_id", "'house'"),
    SealedTable("flag_review", "household_id", "'flag-note:' || submission_id", "note_key_id", "note_wrapped"),
)
