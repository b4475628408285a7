"""One file per search parameter type, with its halves: index keys of a value, and the key a query asks for.

A key is an exact text; a resource carries a set of keys per parameter, a query value asks for one of them. The
database holds keyed hashes of the same keys (`search/keys.py`), `matches` in memory compares the texts.
"""
