"""Agentic proposer: a language model that edits a working copy through tools."""
