"""Whether a resource is R4: every rule broken, each with its place, in one pass."""
