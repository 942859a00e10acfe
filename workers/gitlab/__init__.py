"""GitLab: its webhook and its REST API."""
