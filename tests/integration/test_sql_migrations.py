"""The schema: made from nothing and from every earlier revision, and equal to what is declared."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, PrimaryKeyConstraint, inspect, text

from adapters.sql import SqlStore, migrate, open_reader
from adapters.sql.database import Database
from adapters.sql.tables import METADATA
from adapters.sql.urls import database_of
from adapters.system import SystemClock
from gateway.domain.change import NewCallback
from gateway.domain.errors import StoreUnavailable
from tests.support.builders import NOW
from tests.support.stores import one_flight

REVISIONS = ["0001", "0002", "0003", "0004"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of either engine."""
    name = {"sqlite": "sqlite_store_url", "postgres": "postgres_url"}[request.param]
    address: str = request.getfixturevalue(name)
    return address


async def with_database(url: str, *works: Callable[[Connection], Any]) -> list[Any]:
    """Do these works over the writing connection of a database, one after another."""
    database: Database = database_of(url, None)
    await database.open()
    try:
        return [await database.write(work) for work in works]
    finally:
        await database.close()


def to(revision: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        migrate.upgrade(connection, revision)

    return work


def constraints(connection: Connection) -> set[tuple[str, str]]:
    """Name every constraint and index there is but primary keys: no tool compares checks."""
    look = inspect(connection)
    found: set[tuple[str, str]] = set()
    for table in look.get_table_names():
        if table == "alembic_version":
            continue
        named: list[Any] = [
            *look.get_check_constraints(table),
            *look.get_foreign_keys(table),
            *look.get_unique_constraints(table),
            *look.get_indexes(table),
        ]
        found |= {(table, str(one["name"])) for one in named}
    return found


def declared_constraints() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for table in METADATA.tables.values():
        rules = [one for one in table.constraints if not isinstance(one, PrimaryKeyConstraint)]
        found |= {(table.name, str(one.name)) for one in rules}
        found |= {(table.name, str(one.name)) for one in table.indexes}
    return found


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [str(one) for one in compare_metadata(context, METADATA)]


async def test_the_migrated_schema_is_the_declared_one(url: str) -> None:
    _, left, there = await with_database(url, migrate.upgrade, differences, constraints)
    assert left == []
    assert there == declared_constraints()


def dump(connection: Connection) -> list[str]:
    """Return every column as the database has it."""
    look = inspect(connection)
    return sorted(
        f"{table}.{column['name']} {column['type']} {column['nullable']}"
        for table in look.get_table_names()
        for column in look.get_columns(table)
    )


@pytest.mark.parametrize("revision", REVISIONS)
async def test_an_earlier_database_is_brought_up_with_what_it_holds(
    url: str, revision: str
) -> None:
    fill = text("INSERT INTO do_not_call (number, reason, since) VALUES ('+1', 'asked', 0)")

    def write(connection: Connection) -> None:
        connection.execute(fill)
        connection.commit()

    await with_database(url, to(revision), write)
    store = SqlStore(url, clock=SystemClock())
    await store.open()
    await one_flight(store)
    await store.do_not_call("+1", "again", NOW)
    assert await store.audit(NOW) == []
    await store.close()
    columns, there = await with_database(url, dump, constraints)
    assert there == declared_constraints()
    assert any("callback.due_at" in one for one in columns)


_BEFORE_RECORDS = (
    "INSERT INTO contact (id, name) VALUES ('contact-1', 'Kaisa')",
    "INSERT INTO contact_number (contact_id, position, e164) VALUES ('contact-1', 0, '+1')",
    (
        "INSERT INTO callback (id, contact_id, queue, requested_at, deadline, state, state_reason, "
        "due_at, plan, reason, preferred, worth, cohort, source, attempts, used, cancel_requested, "
        "answered_late, version) VALUES ('callback-1', 'contact-1', 'support', 86400000000, "
        "9000000000000000, 'SCHEDULED', '', 5, "
        """'{"due_at":5,"number":"+1","decider":"r","reasons":[],"made_at":5,"""
        """"probability":null,"value":null}', '', '[]', 1.0, 'control', '', """
        "0, 0, false, false, 1)"
    ),
)


async def test_what_was_kept_before_there_were_records_is_found_by_every_new_question(
    url: str,
) -> None:
    def write(connection: Connection) -> None:
        for statement in _BEFORE_RECORDS:
            connection.exec_driver_sql(statement)
        connection.commit()

    await with_database(url, to("0003"), write)
    store = SqlStore(url, clock=SystemClock())
    await store.open()
    [(callback, contact)] = await store.callbacks(
        number="+1",
        queue="support",
        since=datetime(1970, 1, 2, tzinfo=UTC),
        until=datetime(1970, 1, 3, tzinfo=UTC),
    )
    assert (callback.legal_basis, callback.plan and callback.plan.any_time) == ("", False)
    assert await store.callbacks(since=callback.requested_at) == [(callback, contact)]
    assert await store.open_callbacks(number="+1") == [callback]
    again = replace(callback, id="callback-2", requested_at=NOW, plan=None)
    [added] = await store.add([NewCallback(contact=contact, callback=again)])
    assert added.merged
    assert len(await store.journal(after=0)) == 1
    await store.close()


async def test_a_reader_asks_for_the_gateway_when_the_schema_is_old(url: str) -> None:
    await with_database(url, to(REVISIONS[0]))
    with pytest.raises(StoreUnavailable, match="start the gateway of this version first"):
        async with open_reader(url):
            pass


async def test_a_database_of_a_newer_version_is_left_alone(url: str) -> None:
    def from_the_future(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()

    await with_database(url, migrate.upgrade, from_the_future)
    with pytest.raises(StoreUnavailable, match="newer Kairos"):
        await SqlStore(url, clock=SystemClock()).open()


async def test_opening_again_changes_nothing(url: str) -> None:
    before = await with_database(url, migrate.upgrade, dump)
    after = await with_database(url, migrate.upgrade, dump)
    assert before[1] == after[1]


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration would be worse than none: the last statement takes the first back."""

    def in_the_way(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE leg (id INTEGER)"))
        connection.commit()

    await with_database(url, in_the_way)
    with pytest.raises(StoreUnavailable, match="does not fit"):
        await SqlStore(url, clock=SystemClock()).open()

    def tables(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    [there] = await with_database(url, tables)
    assert there == {"leg"}
