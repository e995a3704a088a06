"""Who publishes definitions, of which date and of which FHIR, and under which URL they are."""

from typing import Final

HOME: Final = "https://jitasa.care/fhir"
"""The URLs below it name things and need not lead anywhere; they never change."""
VERSION: Final = "4.0.1"
DATED: Final = "2022-03-01"
"""When the definitions got their present form."""
PUBLISHER: Final = "Jitasa"
