"""The commands of `muniment`: a module each, with its `add_arguments`."""

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "serve": "run the server until it is interrupted",
    "worker": "run scheduler and projections beside servers on the same database, until interrupted",
    "history": "every call that fits all that is asked for, refused ones included, in order",
    "permissions": "the policies of a principal, how it has them, and what can be done with them",
    "who-can": "everybody in the account who may do an action to a resource",
    "can-assume": "everybody who may assume a role, from other accounts too",
    "diff": "what is not as it was, between two moments, and who made it so",
    "sessions": "the sessions that were issued; `revoke ID` ends one",
    "credentials": "access keys and passwords: whose, how old, last used when",
    "explain": "why a call was allowed or denied: its decisions, made again from the ledger",
    "unusual": "sessions used from several addresses, silent keys that were used, and use of root, each with its calls",
    "contain": "cut off a credential and everything that it gave birth to",
    "trace": "report on a key, session, user or role: use, descendants, what is still active, how to contain it",
    "what-if": "recorded calls of a period, decided once more as if another policy had stood",
    "least-privilege": "the smallest policy for what a user or role really did, and whether it would have sufficed",
    "account": "open, list and close the accounts of this installation",
    "organization": "set, show and remove the organization: units, accounts, service and resource control policies",
    "rebuild": "build projections anew from the ledgers and compare them with the live ones",
    "verify": "check the ledgers and what is kept beside them",
    "policy": "look at policies before they are used",
}
"""What each does, in the order of `muniment --help`, which imports none of them."""
