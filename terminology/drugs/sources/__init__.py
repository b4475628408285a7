"""Reads the public files that the facts about drugs are made from. Only the compiler needs it."""
