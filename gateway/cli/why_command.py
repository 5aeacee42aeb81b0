"""``kairos why``: what stands against a call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.padding import Padding
from rich.text import Text

from config.settings import Settings
from gateway.cli.console import out, print_json
from gateway.cli.desk import Reader, Reason
from gateway.cli.holding import hold_text
from gateway.cli.lookup import known_queue, the_callback
from gateway.cli.present import zone_of
from gateway.cli.shell import Shell, as_typed
from gateway.cli.when import said_in_both
from gateway.domain.errors import StoreUnavailable
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, CallbackState
from gateway.domain.records import HOLD_ALL, hold_on
from gateway.lifecycle import complaint
from gateway.observability import redact_text
from gateway.ports import History

__all__ = ["why"]

_LIKE_ID: Final = re.compile(r"cb[0-9][0-9a-z]*")


@dataclass(frozen=True, slots=True)
class _Reason:
    """A reason found without a service."""

    code: str
    text: str
    remedy: str = ""


def why(shell: Shell, config: Path | None, about: str | None, *, as_json: bool) -> None:
    """Tell every reason, the first one to mend first."""
    settings = shell.settings_anyhow(config)
    queue = callback_id = None
    if about and (about in settings.queues or not _LIKE_ID.fullmatch(about)):
        queue = known_queue(settings, about)
    elif about:
        callback_id = about
    running, found = shell.run(_reasons(shell, settings, queue, callback_id))
    if as_json:
        reasons = [
            {"code": one.code, "text": redact_text(one.text), "remedy": one.remedy} for one in found
        ]
        print_json({"running": running, "reasons": reasons})
        return
    if not found:
        out().print(Text("Nothing stands against a call.", style="green"))
    for one in found:
        out().print(Text(redact_text(one.text), style="bold"), soft_wrap=True)
        if one.remedy:
            out().print(Padding(Text(one.remedy, style="dim"), (0, 0, 0, 2), expand=False))


async def _reasons(
    shell: Shell, settings: Settings, queue: str | None, callback_id: str | None
) -> tuple[bool, Sequence[Reason]]:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(shell.root.running(settings))
        if service is None:
            return False, await _without_service(shell, settings, queue, callback_id)
        whole = callback_id
        if callback_id:
            reader = await stack.enter_async_context(shell.root.reader(settings))
            whole = (await the_callback(reader, callback_id)).callback.id
        desk = await stack.enter_async_context(shell.root.desk(settings))
        return True, await desk.why(queue=queue, callback_id=whole)


async def _without_service(
    shell: Shell, settings: Settings, queue: str | None, callback_id: str | None
) -> list[Reason]:
    """Name the first reason there is, then what can be read without a service."""
    found: list[Reason] = [
        _Reason(
            "not_running",
            f"No service runs on {settings.data_dir}: nothing is dialed at all.",
            f"Start it: {as_typed()} serve",
        )
    ]
    try:
        async with shell.root.reader(settings) as reader:
            history = await the_callback(reader, callback_id) if callback_id else None
            found += await _held(reader, history.callback.queue if history else queue)
            found += _of(history) if history else await _in_all(reader, queue)
    except StoreUnavailable as error:
        told = complaint(error)
        found.append(_Reason("database", told.problem, told.remedy))
    return found


async def _held(reader: Reader, queue: str | None) -> list[Reason]:
    wanted = {HOLD_ALL, hold_on(queue)} if queue else None
    return [
        _Reason("hold", hold_text(one), f"{as_typed()} resume")
        for one in await reader.holds()
        if wanted is None or one.target in wanted
    ]


def _of(history: History) -> Iterator[Reason]:
    callback, zone = history.callback, zone_of(history.contact)
    if callback.state in TERMINAL_CALLBACK_STATES:
        text = f"It is closed ({callback.state.value}): {callback.state_reason}"
        yield _Reason("closed", text, "Ask for a new one: kairos call NUMBER")
    elif callback.due_at is not None and callback.due_at > datetime.now(UTC):
        reasons = "; ".join(callback.plan.reasons) if callback.plan else callback.state_reason
        yield _Reason(
            "due_later",
            f"It is due {said_in_both(callback.due_at, zone)}: {reasons}",
            f"{as_typed()} call-now {callback.id}",
        )
    elif callback.state is CallbackState.SCHEDULED:
        yield _Reason("due", "It is due and waits for a service.")


async def _in_all(reader: Reader, queue: str | None) -> list[Reason]:
    page = await reader.callbacks(states=[CallbackState.SCHEDULED], queue=queue, limit=1)
    if page:
        return []
    of = f" in queue {queue}" if queue else ""
    return [_Reason("nothing_to_do", f"No callback waits{of}.", "kairos call, or kairos import")]
