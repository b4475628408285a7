"""How fast searching is, and how it grows with the store: `python -m tests.benchmarks.search`."""
