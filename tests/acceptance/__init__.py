"""What must hold for the users of a running server, one file a capability."""
