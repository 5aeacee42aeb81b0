"""The HTTP API: one table of operations that routes, checks, documents and answers.

To add an operation, write a handler and an :class:`~gateway.web.api.operation.Operation` in a
module of :mod:`gateway.web.api.resources` and add it to that package's ``OPERATIONS``::

    async def _read(call: Call) -> Answer:
        query = call.query(CountsQuery)        # checked before the handler was called
        return Answer(CountsOut(...))          # status, version (ETag), location, if they matter

    READ = Operation(
        method="GET", path="/v1/things/{thing_id}", operation_id="readThing", tag="Things",
        summary="Read a thing", scope=Scope.READ, query=CountsQuery,
        answers={200: ThingOut}, problems=(NOT_FOUND,), handler=_read,
    )

Routes, validation, the API document, the pages at ``/docs`` and the problem answers follow from it.
Errors of the domain may be raised as they are: :mod:`gateway.web.api.problem` maps them.
"""
