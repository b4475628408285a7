"""Clients of others, unchanged, against a running server. A package: its servers stop with its last test."""
