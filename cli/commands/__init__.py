"""The commands of `repair`, one file each. They return an exit code."""
