"""Adapters that store todos in a database."""
