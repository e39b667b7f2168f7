"""Strict readers of the JOSE formats. Nothing here knows an issuer."""
