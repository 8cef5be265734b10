"""STS's operation that tells why a call was denied."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.rules.authorization_messages import decode
from services.wire.operations import answers, any_resource


@answers("DecodeAuthorizationMessage", service="sts", on=any_resource)
def decode_authorization_message(_account: Account, call: Call, *, encoded_message: str) -> Outcome:
    decoded = decode(call, encoded_message=encoded_message)
    return Outcome(lambda _after: {"DecodedMessage": decoded})
