"""How a project's tests are run: where that is written down, and which files they are."""
