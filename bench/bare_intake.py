"""The plainest HTTP intake: JSON in, the same rows written, 201 out; nothing is checked or planned.

The floor of what taking in a callback over HTTP could cost with this web library and this store.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from adapters.sql import SqlStore
from adapters.system import RandomIds, SystemClock
from gateway.domain.change import NewCallback
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Number, Plan, Step

_LATER = timedelta(days=1)


def _entry(ids: RandomIds, asked: dict[str, str]) -> NewCallback:
    now = datetime.now(UTC)
    number = asked["number"]
    contact = Contact(
        id=ids.contact_id(),
        numbers=(Number(e164=number),),
        name=asked["name"],
        zone="Europe/London",
        country="GB",
    )
    plan = Plan(due_at=now + _LATER, number=number, decider="none", reasons=(), made_at=now)
    callback = Callback(
        id=ids.callback_id(),
        contact_id=contact.id,
        queue="support",
        requested_at=now,
        deadline=now + 5 * _LATER,
        state=CallbackState.SCHEDULED,
        due_at=plan.due_at,
        plan=plan,
        reason=asked["reason"],
    )
    steps = tuple(
        Step(callback_id=callback.id, at=now, kind=kind, text=kind)
        for kind in ("requested", "planned")
    )
    return NewCallback(contact=contact, callback=callback, steps=steps)


async def _main(folder: Path) -> None:
    store = SqlStore(f"sqlite:///{folder / 'bare.db'}", data_dir=folder, clock=SystemClock())
    await store.open()
    ids = RandomIds()

    async def take(request: web.Request) -> web.Response:
        [added] = await store.add([_entry(ids, await request.json())])
        return web.json_response({"id": added.callback_id}, status=201)

    app = web.Application()
    app.add_routes([web.post("/", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await store.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
