"""The panic button: ``stop-all``, ``resume``, ``holds``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from config.problems import did_you_mean
from config.settings import Settings
from gateway.cli.asking import confirm
from gateway.cli.console import note, out, print_json
from gateway.cli.desk import Reader
from gateway.cli.lookup import known_queue
from gateway.cli.shell import Shell, as_typed
from gateway.cli.when import said_in_both
from gateway.domain.machine import CallbackState
from gateway.domain.records import HOLD_ALL, Hold, hold_on
from gateway.lifecycle import Failure

__all__ = ["hold_json", "hold_text", "holds", "resume", "stop_all"]

_PAGE: Final = 1000
_MOST: Final = 20_000


def hold_text(hold: Hold) -> str:
    """Say what is held, by whom, since when and why."""
    what = "all calls" if hold.target == HOLD_ALL else f"queue {hold.target.partition(':')[2]}"
    why = f": {hold.reason}" if hold.reason else ""
    return f"{what} held by {hold.by} since {said_in_both(hold.since, None)}{why}"


def hold_json(hold: Hold) -> dict[str, Any]:
    """Return the machine's form of a hold."""
    return {
        "target": hold.target,
        "reason": hold.reason,
        "by": hold.by,
        "since": hold.since.isoformat(),
    }


def stop_all(
    shell: Shell, config: Path | None, *, queue: str | None, reason: str, as_json: bool
) -> None:
    """Hold everything, or one queue, at once; nothing is asked."""
    settings = shell.settings_anyhow(config)
    known_queue(settings, queue)
    standing, running = shell.run(_stop(shell, settings, queue, reason))
    if as_json:
        print_json({"running": running, "holds": [hold_json(one) for one in standing]})
        return
    what = f"of queue {queue} " if queue else ""
    out().print(Text(f"STOPPED. No call {what}is begun from now on.", style="bold red"))
    _print(standing)
    where = "Calls under way go on to their end. " if running else "No service runs; "
    rest = "The stop also holds after a restart." if running else "the stop holds when one starts."
    note(f"{where}{rest}\nTo go on: {as_typed()} resume" + (f" {queue}" if queue else ""))


async def _stop(
    shell: Shell, settings: Settings, queue: str | None, reason: str
) -> tuple[Sequence[Hold], bool]:
    async with shell.root.desk(settings) as desk:
        if queue:
            await desk.hold_queue(queue, reason=reason)
        else:
            await desk.stop_all(reason=reason)
        async with shell.root.reader(settings) as reader:
            return await reader.holds(), desk.running


def holds(shell: Shell, config: Path | None, *, as_json: bool) -> None:
    """Tell what is held."""
    settings = shell.settings_anyhow(config)
    standing = shell.run(_standing(shell, settings))
    if as_json:
        print_json({"holds": [hold_json(one) for one in standing]})
    elif standing:
        _print(standing)
        note(f"To go on: {as_typed()} resume", "dim")
    else:
        out().print("Nothing is held.")


async def _standing(shell: Shell, settings: Settings) -> Sequence[Hold]:
    async with shell.root.reader(settings) as reader:
        return await reader.holds()


def resume(
    shell: Shell, config: Path | None, target: str | None, *, yes: bool, as_json: bool
) -> None:
    """Lift a hold; tells how many calls are due at once, and asks first."""
    settings = shell.settings_anyhow(config)
    standing, due = shell.run(_before(shell, settings))
    wanted = _target(target, standing)
    if wanted is None:
        if as_json:
            print_json({"lifted": None, "due_at_once": due, "holds": []})
        else:
            out().print("Nothing is held.")
        return
    chosen = next(one for one in standing if one.target == wanted)
    if not yes:
        note(hold_text(chosen))
        calls = "1 call is" if due == 1 else f"{due} calls are"
        many = f"{calls} due and would be begun at once, as fast as allowed."
        if not confirm(f"{many if due else 'No call is due now.'} Go on?"):
            raise Failure("Nothing was changed; the hold stands.")
    left = shell.run(_lift(shell, settings, wanted))
    if as_json:
        data = [hold_json(one) for one in left]
        print_json({"lifted": hold_json(chosen), "due_at_once": due, "holds": data})
        return
    out().print(Text(f"Lifted: {hold_text(chosen)}", style="green"), soft_wrap=True)
    if left:
        note("Still held:", "yellow")
        _print(left)


def _target(given: str | None, standing: Sequence[Hold]) -> str | None:
    """Return which hold is meant; None if nothing is held. Raises Failure."""
    targets = [one.target for one in standing]
    if not targets:
        return None
    if given is None:
        if len(targets) == 1 or HOLD_ALL in targets:
            return HOLD_ALL if HOLD_ALL in targets else targets[0]
        held = ", ".join(one.partition(":")[2] for one in targets)
        raise Failure(f"Several queues are held: {held}.", "Say which one.")
    wanted = given if given in targets else hold_on(given)
    if wanted not in targets:
        names = [one.partition(":")[2] or one for one in targets]
        hint = did_you_mean(given, names)
        raise Failure(f"There is no hold on {given!r}.", hint[:1].upper() + hint[1:])
    return wanted


async def _before(shell: Shell, settings: Settings) -> tuple[Sequence[Hold], int]:
    async with shell.root.reader(settings) as reader:
        standing = await reader.holds()
        return standing, await _due(reader) if standing else 0


async def _due(reader: Reader) -> int:
    """Count what is due now, up to a bound."""
    now, after, seen, due = datetime.now(UTC), "", 0, 0
    while seen < _MOST:
        page = await reader.callbacks(states=[CallbackState.SCHEDULED], after=after, limit=_PAGE)
        due += sum(1 for one, _ in page if one.due_at is not None and one.due_at <= now)
        seen += len(page)
        if len(page) < _PAGE:
            break
        after = page[-1][0].id
    return due


async def _lift(shell: Shell, settings: Settings, target: str) -> Sequence[Hold]:
    async with shell.root.desk(settings) as desk:
        await desk.resume(target)
    return await _standing(shell, settings)


def _print(standing: Sequence[Hold]) -> None:
    for one in standing:
        out().print(Text(f"  {hold_text(one)}"), soft_wrap=True)
