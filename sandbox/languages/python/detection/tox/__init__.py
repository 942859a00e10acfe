"""What tox says of how a project is tested: read from its files, never run."""
