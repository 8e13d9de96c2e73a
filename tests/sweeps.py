"""How far a sweep goes: to its end by the profile "long", as far as there is time without."""

from __future__ import annotations

from hypothesis import settings

IS_LONG = settings.get_current_profile_name() == "long"
