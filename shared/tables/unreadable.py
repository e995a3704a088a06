"""What makes a file no table at all."""

from __future__ import annotations


class UnreadableFile(ValueError):
    """`code` is one of empty_file, encoding, not_a_table, not_a_workbook, old_workbook, workbook_too_large,
    too_many_merges, too_many_rows, not_a_file_of_this_kind, no_such_sheet."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
