"""Names under which shapes were published before their classes had the ones of today: programs refer to them."""

from collections.abc import Mapping

from pydantic.json_schema import JsonSchemaValue

PUBLISHED_NAMES: Mapping[str, str] = {
    "AccessKeyCredential": "Credential",
    "AccessKeyLastUsed": "LastUsed",
    "AccountRemediation": "Undone",
    "Anomaly": "Finding",
    "CallGroup": "Group",
    "CallTallies": "Tallies",
    "CallTally": "Tally",
    "ChangedCall": "Changed",
    "CoveringPolicy": "Covering",
    "CredentialUse": "Did",
    "DocumentText": "Document",
    "EventRef": "Since",
    "EvidenceCall": "EvidentCall",
    "GroupMembership": "Membership",
    "HistoryCall": "Call",
    "NetDifference": "ToldDifference",
    "NodePosition": "Place",
    "Occurrence": "Happened",
    "PasswordCredential": "Password",
    "PermissionsReport": "Permissions",
    "RecordedChange": "Change",
    "RemediationPlan": "Undoings",
    "SessionDetails": "Session",
    "StatementReach": "Granted",
    "TracedLineage": "Descent",
    "UnfollowedBranch": "UnfollowedWay",
    "UnusedByCredential": "CouldAs",
    "UnusedPermissions": "CouldHave",
    "UnusualKind": "Kind",
    "GeneralizedPattern": "Generalised",
}
"""By class name. A new class is published under its own name."""

_PREFIX = "#/components/schemas/"


def with_published_names(schema: JsonSchemaValue) -> JsonSchemaValue:
    """The schema with every reference and title under its published name."""
    return {name: _published(name, value) for name, value in schema.items()}


def _published(name: str, value: object) -> object:
    match value:
        case str() if name == "$ref":
            of = value.removeprefix(_PREFIX)
            return _PREFIX + PUBLISHED_NAMES.get(of, of)
        case str() if name == "title":
            return PUBLISHED_NAMES.get(value, value)
        case dict():
            return with_published_names(value)
        case list():
            return [_published("", each) for each in value]
        case _:
            return value
