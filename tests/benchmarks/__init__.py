"""How fast Galenic is, against a limit measured in the same run: `python -m tests.benchmarks`."""
