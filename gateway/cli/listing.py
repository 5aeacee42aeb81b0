"""Thin commands over lists: contacts, the do-not-call list, API keys, webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from config.problems import did_you_mean
from config.settings import Settings
from gateway.cli.asking import confirm
from gateway.cli.console import note, out, print_json
from gateway.cli.lookup import number_of, the_webhook
from gateway.cli.present import number_text
from gateway.cli.shell import Shell
from gateway.cli.when import parse_when, said_in_both
from gateway.domain.model import Contact
from gateway.domain.records import ApiKey, Scope
from gateway.lifecycle import Failure

__all__ = [
    "block",
    "blocked",
    "contacts",
    "create_key",
    "deliveries",
    "keys",
    "revoke_key",
    "unblock",
    "webhooks",
]

Row = Mapping[str, Any]


def _show(name: str, rows: Sequence[Row], *, as_json: bool, more: str | None = None) -> None:
    """Print rows as a table, or as JSON under ``name``."""
    if as_json:
        print_json({name: list(rows), "next": more})
        return
    if not rows:
        note("There are none.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading.replace("_", " ").capitalize())
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    out().print(table)
    if more:
        note(f"There may be more: --after {more}", "dim")


def _cell(value: object) -> Text:
    if value is None or value == "":
        return Text("-", style="dim")
    return Text(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _at(at: datetime | None, *, as_json: bool) -> str | None:
    if at is None:
        return None
    return at.isoformat() if as_json else said_in_both(at, None)


def contacts(
    shell: Shell,
    config: Path | None,
    *,
    number: str | None,
    after: str,
    limit: int,
    reveal: bool,
    as_json: bool,
) -> None:
    """List contacts, newest first."""
    settings = shell.settings(config)
    e164 = number_of(shell, settings, number) if number else None

    async def read() -> Sequence[Contact]:
        async with shell.root.reader(settings) as reader:
            return await reader.contacts(number=e164, after=after, limit=limit)

    found = shell.run(read())
    rows = [
        {
            "id": one.id,
            "name": one.name if reveal else None,
            "numbers": [number_text(each.e164, reveal=reveal) for each in one.numbers],
            "zone": one.zone,
            "country": one.country,
            "language": one.language,
        }
        for one in found
    ]
    more = found[-1].id if len(found) == limit else None
    _show("contacts", rows, as_json=as_json, more=more)


def blocked(
    shell: Shell, config: Path | None, *, after: str, limit: int, reveal: bool, as_json: bool
) -> None:
    """List the numbers that are never called."""
    settings = shell.settings(config)

    async def read() -> list[Row]:
        async with shell.root.reader(settings) as reader:
            found = await reader.do_not_call_list(after=after, limit=limit)
        return [
            {
                "number": number_text(one.number, reveal=reveal),
                "reason": one.reason,
                "since": _at(one.since, as_json=as_json),
            }
            for one in found
        ]

    _show("do_not_call", shell.run(read()), as_json=as_json)


def block(shell: Shell, config: Path | None, number: str, *, reason: str, as_json: bool) -> None:
    """Put a number on the do-not-call list."""
    settings = shell.settings(config)
    e164 = number_of(shell, settings, number)

    async def write() -> None:
        async with shell.root.desk(settings) as desk:
            await desk.block(e164, reason=reason)

    shell.run(write())
    shown = number_text(e164, reveal=False)
    if as_json:
        print_json({"number": shown, "blocked": True})
    else:
        out().print(f"{shown} is never called from now on.", highlight=False)


def unblock(shell: Shell, config: Path | None, number: str, *, yes: bool, as_json: bool) -> None:
    """Take a number off the do-not-call list; asks first."""
    settings = shell.settings(config)
    e164 = number_of(shell, settings, number)
    shown = number_text(e164, reveal=False)
    if not yes and not confirm(f"May {shown} be called again? They asked not to be"):
        raise Failure("Nothing was changed; the number stays on the list.")

    async def write() -> bool:
        async with shell.root.desk(settings) as desk:
            return await desk.allow(e164)

    if not shell.run(write()):
        raise Failure(f"{shown} is not on the do-not-call list.", "kairos dnc list shows it.")
    if as_json:
        print_json({"number": shown, "blocked": False})
    else:
        out().print(f"{shown} may be called again.", highlight=False)


def keys(shell: Shell, config: Path | None, *, as_json: bool) -> None:
    """List API keys, oldest first."""
    settings = shell.settings(config)

    async def read() -> Sequence[ApiKey]:
        async with shell.root.reader(settings) as reader:
            return await reader.keys()

    now = datetime.now(UTC)
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "scope": one.scope.value,
            "state": _state(one, now),
            "created_at": _at(one.created_at, as_json=as_json),
            "expires_at": _at(one.expires_at, as_json=as_json),
        }
        for one in shell.run(read())
    ]
    _show("keys", rows, as_json=as_json)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "valid"


def create_key(
    shell: Shell, config: Path | None, name: str, *, scope: Scope, expires: str, as_json: bool
) -> None:
    """Make an API key and show it this once."""
    settings = shell.settings(config)
    until = parse_when(expires, datetime.now(UTC), None, "--expires") if expires else None

    async def write() -> str:
        async with shell.root.desk(settings) as desk:
            return await desk.add_key(name=name, scope=scope, expires_at=until)

    token = shell.run(write())
    if as_json:
        data = {"name": name, "scope": scope.value, "expires_at": _at(until, as_json=True)}
        print_json({"key": token, **data})
        return
    out().print(token, highlight=False, soft_wrap=True)
    note("It is shown this once and kept nowhere: copy it now.", "yellow")
    note(f'Use it: curl -H "Authorization: Bearer <key>" {_address(settings)}/v1/callbacks', "dim")


def _address(settings: Settings) -> str:
    """Return where the API is: as others reach it, or as this machine does."""
    api = settings.api
    scheme = "https" if api.tls else "http"
    return api.public_url or f"{scheme}://{api.host}:{api.port}"


def revoke_key(shell: Shell, config: Path | None, key_id: str, *, as_json: bool) -> None:
    """Revoke an API key."""
    settings = shell.settings(config)

    async def write() -> tuple[bool, list[str]]:
        async with shell.root.desk(settings) as desk:
            done = await desk.revoke_key(key_id)
        async with shell.root.reader(settings) as reader:
            return done, [one.id for one in await reader.keys()]

    done, known = shell.run(write())
    if not done and key_id not in known:
        hint = did_you_mean(key_id, known)
        raise Failure(f"There is no key {key_id!r}.", hint[:1].upper() + hint[1:])
    if as_json:
        print_json({"id": key_id, "revoked": True, "before": not done})
    else:
        out().print(f"{key_id} is revoked." if done else f"{key_id} was revoked before.")


def webhooks(shell: Shell, config: Path | None, *, as_json: bool) -> None:
    """List webhooks, oldest first."""
    settings = shell.settings(config)

    async def read() -> list[Row]:
        async with shell.root.reader(settings) as reader:
            return [
                {
                    "id": one.id,
                    "url": one.url,
                    "events": list(one.events) or ["all"],
                    "disabled": one.disabled,
                    "description": one.description,
                }
                for one in await reader.webhooks()
            ]

    _show("webhooks", shell.run(read()), as_json=as_json)


def deliveries(
    shell: Shell, config: Path | None, webhook_id: str, *, limit: int, as_json: bool
) -> None:
    """List what was sent to one webhook, newest first."""
    settings = shell.settings(config)

    async def read() -> list[Row]:
        async with shell.root.reader(settings) as reader:
            meant = the_webhook(webhook_id, [one.id for one in await reader.webhooks()])
            return [
                {
                    "id": one.id,
                    "type": one.type,
                    "created_at": _at(one.created_at, as_json=as_json),
                    "tries": one.tries,
                    "status": one.status,
                    "delivered_at": _at(one.delivered_at, as_json=as_json),
                    "next_at": _at(one.next_at, as_json=as_json),
                    "error": one.error,
                }
                for one in await reader.deliveries(meant, limit=limit)
            ]

    _show("deliveries", shell.run(read()), as_json=as_json)
