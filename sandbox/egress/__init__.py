"""The one way out of a build: a forwarding proxy that reaches package indexes and nothing else."""
