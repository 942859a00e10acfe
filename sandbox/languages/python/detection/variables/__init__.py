"""Environment variables that a project's tests are run with, read from its files."""
