"""Technology behind the ports of the domain."""
