"""Prometheus metrics: what is counted, the state of the app, and the route that reports both."""
