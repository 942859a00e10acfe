"""A test for a problem that no test of the project shows."""
