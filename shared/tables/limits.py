"""What a table may have, so that no file takes a process's memory or its time."""

MAX_COLUMNS = 50
"""Lists have some twenty columns, with what else an office keeps beside them."""
MAX_CELL = 2_000
"""Characters: four times the longest note. What is longer is cut off, and then too long for any column."""
MAX_SHEET_ROWS = 1_048_576
"""Excel's own limit. Rows that are left out of a file are given as empty ones, however far apart they say they are."""

MAX_MEMBERS = 1_000
"""Files in a workbook; one with a list has about ten."""
MAX_UNPACKED_BYTES = 300 * 1024 * 1024
"""Of all files in a workbook, as declared, beyond which nothing is unpacked. 100,000 rows of four cells have 30 MB of
XML, ten times that with the formatting of a whole office. They are read piece by piece."""
MAX_TEXT_BYTES = 60 * 1024 * 1024
"""Of the workbook's own list of texts, which is held whole: 100,000 names and numbers have 15 MB."""
MAX_DIRECTORY_BYTES = 1024 * 1024
"""Of a workbook's list of its files, which is read whole before any of them is judged."""
MAX_MERGES = 50_000
"""Merged ranges of a sheet, some 10 MB: a merged district for every second row of the longest list."""
