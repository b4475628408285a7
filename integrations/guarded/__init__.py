"""HTTP to addresses that others choose, without being turned against our own network."""
