"""Run by Alembic: migrates over the connection that :mod:`adapters.sql.migrate` hands in."""

from alembic import context

from adapters.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite can, and half a migration would be worse than none
)
context.run_migrations()
