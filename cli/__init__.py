"""The command `repair`."""

import gc

# More than half of a short run's start is importing, and what that makes stays: looking through it
# again and again finds nothing (https://docs.python.org/3/library/gc.html#gc.set_threshold).
gc.set_threshold(50_000, 20, 20)
