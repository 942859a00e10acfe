"""GitHub: webhooks in, pull requests out. docs/github.md is the user's side of it."""
