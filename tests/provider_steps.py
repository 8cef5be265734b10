"""Steps of random histories that are about identity providers."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.foundation.events import Event
from domain.foundation.identifiers import Random
from domain.rules import oidc_providers
from tests.step_draws import NAMES

_WHAT = st.sampled_from(["create", "create", "add", "remove", "thumbprints", "delete"])


def oidc_provider_step(draw: DrawFn, account: Account, _at: datetime, _random: Random) -> Sequence[Event]:
    url = f"https://{draw(NAMES)}.example.com"
    arn = oidc_providers.provider_arn(account, url)
    match draw(_WHAT):
        case "create":
            client_ids = draw(st.lists(NAMES, max_size=2))
            return oidc_providers.create_oidc_provider(account, url=url, client_ids=client_ids, thumbprints=())
        case "add":
            return oidc_providers.add_client_id(account, arn=arn, client_id=draw(NAMES))
        case "remove":
            return oidc_providers.remove_client_id(account, arn=arn, client_id=draw(NAMES))
        case "thumbprints":
            digits = draw(st.sampled_from(["a", "b"]))
            return oidc_providers.replace_thumbprints(account, arn=arn, thumbprints=[digits * 40])
        case _:
            return oidc_providers.delete_oidc_provider(account, arn=arn)
