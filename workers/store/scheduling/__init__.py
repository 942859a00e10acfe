"""Which job runs when, and for whom: admission, turns, claims and their leases, recovery."""
