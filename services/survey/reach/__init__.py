"""Who has to be reached, in which order, and what came of it."""
