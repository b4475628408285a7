"""Search compiles: parameters to index rows, query text to a plan to SQL. Storage executes."""
