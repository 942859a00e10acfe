"""The service on one machine: its processes under one supervisor, their logs and traces."""
