"""The service around the graph: a queue of repairs that loses nothing."""
