"""The dialect of any OpenID Connect issuer: discovery, and the meaning of its claims."""
