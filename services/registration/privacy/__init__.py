"""What registration holds about those who work with it: what they are told, their copy of it, and its erasure."""
