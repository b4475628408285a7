"""What maps to what, found out by changing each leaf of every golden case: `python -m tests.coverage`."""
