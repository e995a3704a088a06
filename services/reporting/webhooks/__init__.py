"""Webhooks: the public streams, sent to systems outside as Standard Webhooks."""
