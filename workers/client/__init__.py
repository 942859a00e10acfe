"""Working with jobs, whether they are in the store at hand or behind a server's API."""
