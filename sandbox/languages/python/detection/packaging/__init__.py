"""How a project is packaged, and what it and its tests need."""
