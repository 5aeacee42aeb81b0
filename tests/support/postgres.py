"""A private PostgreSQL server for the tests, made from the programs installed here.

A pytest plugin. The server is real and durable (fsync on), listens on loopback and on a
Unix socket only, keeps its data in a temporary folder, and ends with the run, even where
the run is killed. Where the tests run as root it runs as another user, for PostgreSQL
refuses root. A fault test makes a :class:`PostgresServer` of its own and is free to kill it.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import psutil
import pytest

from tests.support.requirements import register, require

SUPERUSER: Final = "kairos"
_PROGRAMS: Final = ("initdb", "postgres", "psql")
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 60.0
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum_naptime": "10min",  # quiet databases: no worker in the way of DROP DATABASE
    "timezone": "UTC",
}
_STOP_SIGNALS: Final = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
    "kill": signal.SIGKILL,
}


class PostgresServer:
    """One cluster with one server process over it, which can be stopped, killed and started."""

    def __init__(self, folder: Path, bindir: Path) -> None:
        self._bindir = bindir
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._password = secrets.token_urlsafe(12)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = iter(range(1, 1_000_000))
        self._templates: set[str] = set()
        self.port = _free_port()

    def create(self) -> None:
        """Make the cluster. Local connections are trusted, for the folder is closed to others."""
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        _hand_over(self._folder, password_file)
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        settings = {
            **_SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_server_user(), self._bindir / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for the tests
            )
        self._wait_until_ready()

    def stop(self, how: Literal["smart", "fast", "immediate", "kill"] = "fast") -> None:
        """End the server: by default at once but in order, with "kill" as a power cut would."""
        if self._process is None:
            return
        # After a kill the children would linger, and keep the shared memory from the next start.
        children = psutil.Process(self._process.pid).children() if how == "kill" else []
        self._process.send_signal(_STOP_SIGNALS[how])
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._process.wait(_STOP_SECONDS)
        _wait_until_dead(children)
        self._process = None

    def url(self, database: str) -> str:
        """The address for SQLAlchemy with asyncpg, over TCP."""
        return f"postgresql+asyncpg://{SUPERUSER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def dsn(self, database: str) -> str:
        """The same for asyncpg alone, and for libpq."""
        return self.url(database).replace("+asyncpg", "", 1)

    def create_database(self, template: str = "template1") -> str:
        """A fresh database, a copy of ``template``; returns its name."""
        name = f"t{next(self._numbers)}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """A database filled once by ``prepare(url)``, for :meth:`create_database` to copy.

        ``prepare`` closes its connections: a database in use cannot be copied.
        """
        if name not in self._templates:
            self.sql(f'CREATE DATABASE "{name}"')
            prepare(self.url(name))
            self._templates.add(name)
        return name

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement as the superuser, without asyncio; returns what it prints."""
        return self._run(
            "psql",
            f"--host={self._folder}",
            f"--port={self.port}",
            f"--username={SUPERUSER}",
            f"--dbname={database}",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            f"--command={statement}",
        ).strip()

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [*_as_server_user(), self._bindir / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")
        return done.stdout

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(RuntimeError):
                self.sql("SELECT 1")
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()[-4000:]}")


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server for the time of the block; its folder goes with it."""
    bindir = find_bindir()
    if bindir is None:
        raise RuntimeError("no PostgreSQL server programs here")
    # Not pytest's own temporary folder: that one is closed to the server's user, and a
    # Unix socket's path has little room.
    folder = Path(tempfile.mkdtemp(prefix="kairos-pg-"))
    server = PostgresServer(folder, bindir)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop("immediate")  # nothing of it is wanted any more
        shutil.rmtree(folder, ignore_errors=True)


def find_bindir() -> Path | None:
    """Where the newest complete set of server programs is. Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(debian, key=lambda place: _version(place.parent.name), reverse=True)
    for place in places:
        if all((place / program).exists() for program in _PROGRAMS):
            return place
    return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's server, shared by all tests that leave it running."""
    require("postgres")
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a fresh, empty database which goes with the test."""
    name = postgres_server.create_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_database: str) -> str:
    """The address of a fresh, empty database: ``postgresql+asyncpg://...``."""
    return postgres_server.url(postgres_database)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the server, so that ``-m "not postgres"`` leaves it out."""
    for item in items:
        if "postgres_server" in getattr(item, "fixturenames", ()):
            item.add_marker("postgres")


def _why_no_postgres() -> str | None:
    if find_bindir() is None:
        return "no PostgreSQL server programs (make system-deps)"
    if os.geteuid() == 0 and (not shutil.which("setpriv") or _other_user() is None):
        return "root needs setpriv and a user postgres or nobody to start it as"
    return None


def _as_server_user() -> list[str]:
    """What goes before a server program: it ends with us, and is not root."""
    if not shutil.which("setpriv"):
        return []
    wrapper = ["setpriv", "--pdeathsig=INT"]
    user = _other_user()
    if user is not None:
        wrapper += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return wrapper


def _other_user() -> pwd.struct_passwd | None:
    """Whom root starts the server as; nobody else needs another user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _wait_until_dead(processes: list[psutil.Process]) -> None:
    # They are not ours to reap: a zombie is dead enough.
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            while process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.005)


def _hand_over(*paths: Path) -> None:
    user = _other_user()
    if user is not None:
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())


register("postgres", _why_no_postgres)
