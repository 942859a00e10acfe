"""How a project is installed and tested, found from its files. Nothing of it is ever run."""
