"""How Alembic reaches the database: `storage/migrations.py` hands it the connection and the options."""

from alembic import context

from fhir_server.tables import metadata

attributes = context.config.attributes
context.configure(connection=attributes["connection"], target_metadata=metadata, **attributes["options"])
with context.begin_transaction():
    context.run_migrations()
