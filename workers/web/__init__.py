"""The web side of the service: the job API, health, metrics and the live page."""
