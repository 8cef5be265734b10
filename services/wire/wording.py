"""How a service says that a text breaks its pattern, or is none of an enumeration.

Most services repeat the value, as Smithy has it. IAM leaves it out, and of names, paths and policies it says in words
what they may hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wording:
    repeats_value: bool = True
    expectations: Mapping[str, str] = field(default_factory=dict)
    """In words, by the name of the shape, instead of its pattern."""


_OF_NAMES = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
_OF_ALIASES = (
    "It must be a minimum length of 3 characters and maximum length of 63 characters, contain only digits, lowercase "
    "letters, and hyphens (-), but cannot begin or end with a hyphen."
)
_OF_PATHS = "It must begin and end with / and contain only alphanumeric characters and/or / characters."
_WORDINGS = {
    "iam": Wording(
        repeats_value=False,
        expectations={
            "accountAliasType": _OF_ALIASES,
            "existingUserNameType": _OF_NAMES,
            "groupNameType": _OF_NAMES,
            "instanceProfileNameType": _OF_NAMES,
            "pathType": _OF_PATHS,
            "policyDocumentType": "It must contain only printable ASCII characters.",
            "policyNameType": _OF_NAMES,
            "policyPathType": _OF_PATHS,
            "roleNameType": _OF_NAMES,
            "serverCertificateNameType": _OF_NAMES,
            "userNameType": _OF_NAMES,
            "virtualMFADeviceName": _OF_NAMES,
        },
    )
}
SMITHY = Wording()


def wording_of(service: str) -> Wording:
    return _WORDINGS.get(service, SMITHY)
