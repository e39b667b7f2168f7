"""Prometheus metrics: the counters, the state of the app, and the route that reports both."""
