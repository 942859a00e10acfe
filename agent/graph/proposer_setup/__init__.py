"""Proposers, put together from what the graph knows."""
