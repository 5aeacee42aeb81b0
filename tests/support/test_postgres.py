"""The PostgreSQL that tests get: private, durable, fresh for each test, and mortal."""

import asyncpg
import pytest

from tests.support.postgres import PostgresServer, running_server


async def _run(dsn: str, *statements: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        result = None
        for statement in statements:
            result = await connection.fetchval(statement)
        return result
    finally:
        await connection.close()


@pytest.mark.parametrize("which", ["first", "second"])
async def test_every_test_has_an_empty_database(
    postgres_server: PostgresServer, postgres_database: str, which: str
) -> None:
    dsn = postgres_server.dsn(postgres_database)
    await _run(dsn, f"CREATE TABLE mark AS SELECT '{which}'::text AS which")
    assert await _run(dsn, "SELECT string_agg(which, ' ') FROM mark") == which


async def test_the_url_is_for_sqlalchemy_with_asyncpg(postgres_url: str) -> None:
    assert postgres_url.startswith("postgresql+asyncpg://")


async def test_what_was_committed_was_synced(postgres_server: PostgresServer) -> None:
    dsn = postgres_server.dsn("postgres")
    assert await _run(dsn, "SHOW fsync") == "on"
    assert await _run(dsn, "SHOW synchronous_commit") == "on"


async def test_strangers_need_the_password(postgres_server: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _run(f"postgresql://kairos:guess@127.0.0.1:{postgres_server.port}/postgres")


def test_a_template_is_prepared_once_and_copied(postgres_server: PostgresServer) -> None:
    urls: list[str] = []
    for _ in range(2):
        postgres_server.template("prepared", urls.append)
    assert urls == [postgres_server.url("prepared")]
    postgres_server.sql("CREATE TABLE IF NOT EXISTS marked ()", "prepared")
    copy = postgres_server.create_database("prepared")
    assert postgres_server.sql("SELECT to_regclass('marked')", copy) == "marked"
    postgres_server.drop_database(copy)


@pytest.mark.postgres
def test_a_killed_server_comes_back_with_what_was_committed() -> None:
    with running_server() as server:
        name = server.create_database()
        server.sql("CREATE TABLE kept AS SELECT 1 AS one", name)
        server.stop("kill")
        server.start()
        assert server.sql("SELECT one FROM kept", name) == "1"
