"""Bringing a database to the schema of this version, at open and by nobody's hand."""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from adapters.sql.database import commit
from gateway.domain.errors import StoreUnavailable

__all__ = ["check", "upgrade"]

_log = structlog.get_logger(__name__)
_SCRIPTS = Path(__file__).with_name("migrations")
# Whoever holds this migrates; others wait. The number is "kairos" in a telephone's letters.
_ADVISORY_LOCK = 524767
_NEWER = (
    "the database was made by a newer Kairos than this one ({}): install that version, "
    "or restore the backup made before the upgrade"
)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Migrate in one transaction; raises StoreUnavailable if the database is newer than we are."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    before = _revision(connection)
    config = _config(connection)
    if before == ScriptDirectory.from_config(config).get_current_head():
        commit(connection)
        return
    try:
        command.upgrade(config, to)
    except CommandError:
        raise StoreUnavailable(_NEWER.format(before)) from None
    commit(connection)
    _log.info("store.migrated", before=before, after=_revision(connection))
    commit(connection)


def check(connection: Connection) -> None:
    """Raise StoreUnavailable if the schema is not the one of this version; changes nothing."""
    found = _revision(connection)
    wanted = ScriptDirectory.from_config(_config(connection)).get_current_head()
    if found is None:
        raise StoreUnavailable("there is no Kairos database here yet: start the gateway first")
    if found != wanted:
        raise StoreUnavailable(
            f"the database has schema {found}, this program reads {wanted}: "
            "start the gateway of this version first"
        )
