"""The survey's figures by day: as they stood at the end of each, and what each brought."""
