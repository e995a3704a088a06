"""Programs as somebody outside would write them, from docs/ alone: they import nothing of ours. Each is told by
variables, keeps place and sums in one SQLite file, and may be killed at any moment."""
