"""The authorization server. A package: its servers stop with its last test."""
