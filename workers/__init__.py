"""The service around the graph: queue, store, webhook. Nothing is built here yet."""
