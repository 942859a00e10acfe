"""A test in JavaScript for a problem that no test of the project shows."""
