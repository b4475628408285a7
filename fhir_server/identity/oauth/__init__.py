"""authlib's authorization server, told where our clients, codes and tokens are and where it has to be stricter."""
