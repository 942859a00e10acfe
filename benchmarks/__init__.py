"""Measurements of the product and its peers. May import every package; no package imports it."""
