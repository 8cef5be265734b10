"""Settings of the account as a whole: what they may be.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutAccountProperties.html
"""

import re
from collections.abc import Mapping

from domain.account import Account
from domain.families.account_settings import ACCOUNT_PROPERTIES, TOKEN_VERSION, AccountPropertySet, TokenVersionSet
from domain.foundation.errors import InvalidInput

PROPERTIES_MAX = 100
"""Of an account."""
_NAME = re.compile("(?P<namespace>[^/]+)/[^/]+")


def namespaces(properties: Mapping[str, str]) -> tuple[str, ...]:
    """That these properties are of, each once."""
    return tuple(sorted({name.partition("/")[0] for name in properties}))


def put_properties(account: Account, properties: Mapping[str, str]) -> list[AccountPropertySet]:
    """What is set so already is no event. Which properties there are, and what values they take, only AWS knows: any
    of the form is kept."""
    for name in properties:
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"Invalid account property {name}. (expected Namespace/PropertyName, with one slash)")
    if len(namespaces(properties)) != 1:
        raise InvalidInput(
            "All properties in a single request must belong to the same namespace. "
            f"(got {', '.join(namespaces(properties)) or 'no properties'})"
        )
    there = account[ACCOUNT_PROPERTIES]
    if len(there.keys() | properties.keys()) > PROPERTIES_MAX:
        raise InvalidInput(f"An account has at most {PROPERTIES_MAX} properties.")
    return [
        AccountPropertySet(property_name=name, value=value)
        for name, value in sorted(properties.items())
        if there.get(name) != value
    ]


def set_token_version(account: Account, version: int) -> list[TokenVersionSet]:
    return [] if account[TOKEN_VERSION] == version else [TokenVersionSet(token_version=version)]
