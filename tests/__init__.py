"""Galenic is tested here: unit, integration, acceptance, clients, docs and benchmarks."""
