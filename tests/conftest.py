"""What all tests share: the same examples every time, and no noise from retries that tests provoke by the thousand."""

from __future__ import annotations

import os

import stamina.instrumentation
from hypothesis import settings

# Reproducible by default: a red run is red again. `HYPOTHESIS_PROFILE=search` looks for new examples.
settings.register_profile("default", derandomize=True, deadline=None, print_blob=False)
settings.register_profile("search", derandomize=False, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
stamina.instrumentation.set_on_retry_hooks([])
