"""`python short_lease.py MODULE ARGUMENT…` is that module with leases shorter than settings allow:
a test kills many workers, and does not wait a real lease for each."""

from __future__ import annotations

import runpy
import sys

import workers.config

workers.config.MIN_LEASE_SECONDS = 0.0

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
