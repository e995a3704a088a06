"""Answers that are made once for all who ask while what they are made of stays the same."""
