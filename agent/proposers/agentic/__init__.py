"""The model in its tool loop."""
