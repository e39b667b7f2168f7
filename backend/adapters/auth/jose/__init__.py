"""Strict readers of the JOSE formats. This package knows no issuer."""
