"""Making the projections anew from the start of the streams, beside those that are shown."""
