"""The commands of `muniment`: a module each, with its `add_arguments`."""

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "serve": "run the server until it is interrupted",
    "worker": "run scheduler and projections beside servers on the same database, until interrupted",
    "history": "every call that matches all filters, refused calls included, in order",
    "permissions": "the policies of a principal, how it holds them, and what they allow",
    "who-can": "the principals of the account that can perform an action on a resource",
    "can-assume": "the principals that can assume a role, including those of other accounts",
    "diff": "what differs between two moments, and who changed it",
    "sessions": "the sessions that were issued; `revoke ID` ends one",
    "credentials": "credentials of every kind: whose, how old, last used when, what is due and by which rule",
    "profile": "show, set, compare and try out the lifecycle profile: the rules by which credentials age",
    "exemption": "grant, revoke and list exemptions from the rules of the lifecycle profile",
    "rotate": "replace access keys: make, hand over, wait for use, deactivate, observe, delete",
    "explain": "why a call was allowed or denied: its decisions, re-evaluated from the ledger",
    "unusual": "sessions used from several addresses, silent keys that were used, and use of root",
    "contain": "contain a credential and everything created with it",
    "report-leaked": "record that access keys have leaked, and do what their accounts want done about it",
    "trace": "report on a key, session, user or role: use, descendants, what is still active, how to contain it",
    "notify": "tell webhooks, people, files and commands what happens to credentials",
    "what-if": "re-evaluate the recorded calls of a period under a hypothetical policy",
    "least-privilege": "the smallest policy that covers the recorded calls of a user or role",
    "account": "open, list and close the accounts of this installation",
    "organization": "set, show and remove the organization: units, accounts, service and resource control policies",
    "service-principal": "register, list and deregister services of your own that assume roles",
    "master-key": "rotate the master key, and list what needs which",
    "migrate": "bring the database to this version, as the ledger's owner (MUNIMENT_OWNER_DATABASE_URL)",
    "backup": "back up the embedded database while it is in use",
    "restore": "make a data directory of a backup, check it, and record it",
    "rebuild": "rebuild projections from the ledgers and compare them with the live ones",
    "verify": "verify the ledgers and the projections",
    "policy": "check policies before they are used",
    "coverage": "which operations of IAM and STS are answered, and which are refused; offline",
    "completion": "write a script with which a shell completes commands and options",
}
"""What each does, in the order of `muniment --help`, which imports none of them."""
