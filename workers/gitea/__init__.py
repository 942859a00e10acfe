"""Gitea and Forgejo: their webhook and their REST API."""
