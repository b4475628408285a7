"""Messages of partners, and what becomes of them. A package: its servers stop with its last test."""
