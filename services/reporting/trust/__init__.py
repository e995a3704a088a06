"""What reporting's figures can be trusted by: reconciliation with the owners' counts, dead letters, gaps."""
