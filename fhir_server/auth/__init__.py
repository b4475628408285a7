"""Who acts, and what they may see: contexts, grants, compartments. Pure: no database, no HTTP."""
