"""`make resilience`: disturb the API under load, and print the results of its clients."""

from tests.resilience.program import main

main()
