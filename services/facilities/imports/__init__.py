"""Lists of places as units: checked row by row, applied all at once, undone."""
