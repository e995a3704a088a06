"""Reading lists of places as provinces have them: a file becomes a table, a table's rows become drafts of places.

Pure functions, in three steps: `read_table` opens a file, `guess` says what its columns seem to hold, and `drafts`
reads row by row with the columns that a person confirmed. They take a processor for seconds: in a thread or a process
of their own.
"""

from services.facilities.reading.faults import Fault, Row
from services.facilities.reading.fields import Columns, Field, Guess, Guessed, UnusableColumns
from services.facilities.reading.files import read_table
from services.facilities.reading.header import guess
from services.facilities.reading.kinds import KindNames
from services.facilities.reading.rows import drafts
from services.facilities.reading.table import Form, Table
from shared.tables.unreadable import UnreadableFile

__all__ = [
    "Columns",
    "Fault",
    "Field",
    "Form",
    "Guess",
    "Guessed",
    "KindNames",
    "Row",
    "Table",
    "UnreadableFile",
    "UnusableColumns",
    "drafts",
    "guess",
    "read_table",
]
