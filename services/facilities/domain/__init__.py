"""The register of places: what may be entered, what a change means and when a place's data is overdue. Pure rules."""
