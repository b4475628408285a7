"""PostgreSQL and Valkey from their wheels, as child processes in a data folder."""
