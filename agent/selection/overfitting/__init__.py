"""Signs that a patch fits its tests and not the problem, and how much they weigh."""
