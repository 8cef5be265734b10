"""What IAM says of a policy that it refuses, verbatim: tools compare these sentences, and people search for them."""

SYNTAX_ERRORS = "Syntax errors in policy."
LEGACY_PARSING = "The policy failed legacy parsing"
"""Of what the older of IAM's parsers refuses: repeated or mis-cased elements, broken ARNs."""
INVALID_JSON = "This policy contains invalid Json"
NO_VERSION = "The policy must contain a valid version string."
SIDS_NOT_UNIQUE = "Statement IDs (SID) in a single policy must be unique."
SID_CHARACTERS = (
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
SEVERAL_COLONS = "Actions/Condition can contain only one colon."
VENDOR_WITH_WILDCARD = "Resource vendor must be fully qualified and cannot contain regexes."
PRINCIPAL_SPECIFIED = "Policy document should not specify a principal."
NO_PRINCIPAL = "Missing required field Principal"
FEDERATED_NEITHER = "Federated principals must be valid domain names or SAML metadata ARNs"
TRUST_ACTIONS_ONLY = "AssumeRole policy may only specify STS AssumeRole actions."


def missing(element: str) -> str:
    """Action or Resource."""
    return f"Policy statement must contain {element.lower()}s."


def prohibited(element: str) -> str:
    return f"Has prohibited field {element}"


def no_arn(resource: str) -> str:
    return f'Resource {resource} must be in ARN format or "*".'


def invalid_condition(operator: str) -> str:
    return f"Invalid Condition type : {operator}."


def invalid_principal(kind: str, name: str) -> str:
    """Clients try again until a new user or role is known everywhere."""
    return f'Invalid principal in policy: "{kind.upper()}":"{name}"'
