"""Which tables of reporting hold sealed rows, and what each is bound to."""

from typing import Final

from services.reporting.subscribers.store import FIELD as PASSWORD
from services.reporting.webhooks.store import FIELD as SECRET
from shared.postgres.rewrapping import SealedTable

SEALED_TABLES: Final = (
    SealedTable("subscriber", "subscriber_id", f"'{PASSWORD}'", "sealing_key_id"),
    SealedTable("webhook_subscription", "subscription_id", f"'{SECRET}'", "sealing_key_id"),
    SealedTable("webhook_subscription", "subscription_id", f"'{SECRET}'", "previous_key_id", "previous_wrapped"),
)
