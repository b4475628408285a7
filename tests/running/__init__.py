"""Galenic's own processes, started and stopped by tests."""
