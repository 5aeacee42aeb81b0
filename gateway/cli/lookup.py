"""Finding what somebody named: callbacks and webhooks by how their id begins, queues, numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from config.problems import did_you_mean
from config.settings import Settings
from gateway.cli.desk import Reader
from gateway.cli.shell import Shell
from gateway.lifecycle import Failure
from gateway.ports import History

__all__ = ["known_queue", "number_of", "the_callback", "the_webhook"]

_LOOKED_AT: Final = 500
_LIKE_ID: Final = re.compile(r"[0-9a-z]{1,64}")


async def the_callback(reader: Reader, given: str) -> History:
    """Return the callback whose id begins so. Raises Failure with the closest, BadInput."""
    wanted = given.strip().lower()
    found = await reader.history(wanted) if _LIKE_ID.fullmatch(wanted) else None
    if found is not None:
        return found
    recent = [one.id for one, _ in await reader.callbacks(limit=_LOOKED_AT)]
    heads = {one[: len(wanted)]: one for one in recent}
    close = difflib.get_close_matches(wanted, heads, n=1, cutoff=0.75)
    hint = f"Did you mean {heads[close[0]]}? " if close else ""
    raise Failure(
        f"No callback has an id that begins with {given!r}.", f"{hint}kairos callbacks lists them."
    )


def known_queue(settings: Settings, name: str | None) -> str | None:
    """Return the queue. Raises Failure naming the closest."""
    if name and name not in settings.queues:
        hint = did_you_mean(name, settings.queues)
        raise Failure(f"There is no queue {name!r}.", hint[:1].upper() + hint[1:])
    return name


def number_of(shell: Shell, settings: Settings, text: str) -> str:
    """Return a telephone number in E.164 form. Raises BadInput."""
    return shell.root.numbers(settings).parse(text, settings.default_country).e164


def the_webhook(given: str, known: Sequence[str]) -> str:
    """Return the one webhook whose id is this or begins so. Raises Failure."""
    found = [one for one in known if one.startswith(given)]
    if given in known or len(found) == 1:
        return given if given in known else found[0]
    if found:
        raise Failure(f"Several webhooks begin with {given!r}.", "Give more of its id.")
    hint = did_you_mean(given, known)
    raise Failure(f"There is no webhook {given!r}.", hint[:1].upper() + hint[1:])
