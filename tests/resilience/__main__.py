"""`make resilience`: disturb the API under load, print what its clients have seen."""

from tests.resilience.program import main

main()
