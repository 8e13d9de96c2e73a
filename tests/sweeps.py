"""How far a sweep goes: to its end by the profile "long", as far as there is time without."""

from __future__ import annotations

import os

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
