"""The monitor of areas with no or few results: the directive's clause 2."""
