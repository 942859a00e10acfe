"""`repair evaluate`: a model, or the whole repair, measured on a suite of tasks."""
