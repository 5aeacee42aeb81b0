"""Every test runs under the guards, and with servers of its own where it asks for them."""

pytest_plugins = [
    "pytester",
    "tests.support.guards",
    "tests.support.requirements",  # before its users, so that its asserts are rewritten too
    "tests.support.examples",
    "tests.support.postgres",
    "tests.support.stores",
]
