"""Lifecycle profiles that act, with overrides by path and by tag and without, and those that are built in."""

import json

from domain.families.lifecycle_profiles import LifecycleProfile
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, read_profile

_STOPS = {"action": "deactivate"}
_KEYS = {"max_age_days": 90, "warn_before_days": [14, 3], "overdue_after_days": 5, "overlap_days": 20}
_PROFILES = (
    {
        "access_key": _KEYS
        | {"max_idle_days": 40, "when_overdue": _STOPS | {"delete_after_days": 20}, "when_idle": _STOPS},
        "ssh_public_key": {"max_age_days": 60, "when_overdue": _STOPS | {"delete_after_days": 9}},
        "signing_certificate": {
            "max_age_days": 30, "warn_before_days": [20], "when_overdue": _STOPS | {"delete_after_days": 6},
        },
        "service_specific_credential": {"max_age_days": 50, "when_overdue": _STOPS | {"delete_after_days": 12}},
        "user": {"max_idle_days": 30},
        "role": {"max_idle_days": 20},
        "server_certificate": {"warn_before_days": [30, 7]},
        "provider_certificate": {"warn_before_days": [10]},
        "mfa_device": {"max_age_days": 100},
        "password": {"max_age_days": 70, "warn_before_days": [7]},
    },
    {
        "access_key": {"max_age_days": 60, "max_idle_days": 25, "when_idle": _STOPS | {"delete_after_days": 30}},
        "user": {"max_idle_days": 45},
        "password": {"max_age_days": 90},
        "server_certificate": {"max_age_days": 200, "warn_before_days": [14]},
    },
)  # fmt: skip
_OVERRIDES = [
    {
        "name": "robots",
        "path": "/service/",
        "rules": {"access_key": {"max_age_days": 45}, "user": {"max_idle_days": 10}},
    },
    {
        "name": "prod",
        "tag": {"key": "tier", "value": "prod"},
        "rules": {
            "access_key": {"max_age_days": 75, "overlap_days": 3, "when_overdue": _STOPS},
            "role": {"max_idle_days": 5},
        },
    },
]
PROFILES: tuple[LifecycleProfile, ...] = (
    *(
        read_profile(json.dumps({"name": f"team-{number}", "rules": rules, "overrides": overrides}))
        for number, rules in enumerate(_PROFILES)
        for overrides in ([], _OVERRIDES)
    ),
    *BUILT_IN_PROFILES.values(),
)
