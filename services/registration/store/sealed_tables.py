"""Which tables of registration hold sealed rows, and what each is bound to."""

from __future__ import annotations

from typing import Final

from shared.postgres.rewrapping import SealedTable

SEALED_TABLES: Final = (
    SealedTable("sealed_field", "person_id", "field"),
    SealedTable("problem_field", "problem_id", "field"),
    SealedTable("problem_attachment", "problem_id", "'attachment.' || attachment_id"),
    SealedTable("training_sign_up_field", "sign_up_id", "field"),
    SealedTable("person_erasure", "person_id", "'erasure'"),
    SealedTable("registration_help", "request_id", "'contact'"),
)
