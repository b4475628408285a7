"""The command `galenic`: serve, db, load, doctor."""
