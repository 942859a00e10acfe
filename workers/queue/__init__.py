"""Celery and the processes that take jobs from the store and run them."""
