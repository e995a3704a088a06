"""Everybody who receives the streams, by whichever way: what each got, how far behind it is, and how it is ended."""
