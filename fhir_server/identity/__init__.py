"""People, clients and tokens: what the authorization server knows."""
