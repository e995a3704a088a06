"""Denominators, the wholes that percentages are of: lists of them are read, compared and kept as dated tables."""
