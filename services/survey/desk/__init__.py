"""The coordinator's desk: the list of houses, what of it is done and by whom, and records with something odd."""
