"""Straightforward implementations of the published procedures; nothing here is tuned."""
