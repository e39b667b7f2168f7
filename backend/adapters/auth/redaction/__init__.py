"""Hides secrets in what operators read."""
