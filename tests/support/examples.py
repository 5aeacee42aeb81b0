"""How hypothesis draws its examples; ``HYPOTHESIS_PROFILE=long`` draws many more.

A pytest plugin.
"""

import os

from hypothesis import HealthCheck, settings

from tests.support.requirements import in_ci

# No deadline: the machine is shared, and slowness is measured elsewhere. In CI the same
# examples are drawn every time, so that a red run is about the change and not about luck.
settings.register_profile("house", deadline=None, derandomize=in_ci(), print_blob=True)
settings.register_profile(
    "long",
    settings.get_profile("house"),
    derandomize=False,
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_configure() -> None:
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))
