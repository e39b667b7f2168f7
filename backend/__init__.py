"""A Todo API that trusts exactly the users that Better Auth signed in."""
