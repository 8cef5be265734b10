"""PolicyExclusionList: what a simulation would say if some of the policies were gone.

Its rules are those of the IAM API Reference, SimulatePrincipalPolicy and "PolicyIdentifier".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.account import Account
from domain.families.policies import MANAGED_POLICIES
from domain.foundation.errors import InvalidInput
from domain.policy import Layer, Layers, SourcedPolicy
from domain.policy.wildcards import ARN_PARTS, arn_parts, wildcard
from domain.rules.policy_holders import KINDS, holder_of

_POLICY_TYPES = ("inline", "aws-managed", "user-managed", "permission-boundary", "scp", "rcp")
_HOLDERS = tuple(kind.noun for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One entry of PolicyExclusionList, of which exactly one part is given."""

    policy_type: str | None = None
    policy_arn: str | None = None
    inline: tuple[str, str, str] | None = None
    """The name of a policy; user, group or role; and the name of that."""


Excluded = Callable[[Layer, SourcedPolicy], bool]


def excluded(account: Account, exclusions: Sequence[Exclusion]) -> Excluded:
    """Which policies to leave out. What names no policy that is there leaves none out, and resource control policies
    take part in no simulation anyway. Raises InvalidInput."""
    types: set[str] = set()
    tests: list[Excluded] = []
    for position, exclusion in enumerate(exclusions, start=1):
        where = f"PolicyExclusionList.{position}"
        given = [part for part in (exclusion.policy_type, exclusion.policy_arn, exclusion.inline) if part is not None]
        if len(given) != 1:
            raise InvalidInput(
                f"{where}: expected exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier, got {len(given)}."
            )
        if exclusion.policy_type is not None:
            if exclusion.policy_type not in _POLICY_TYPES:
                expected = ", ".join(_POLICY_TYPES)
                raise InvalidInput(f'{where}: expected a PolicyType of {expected}; got "{exclusion.policy_type}".')
            types.add(exclusion.policy_type)
        elif exclusion.policy_arn is not None:
            tests.append(_with_arn(exclusion.policy_arn, where))
        elif exclusion.inline is not None:
            tests.append(_inline(account, exclusion.inline, where))

    def is_excluded(layer: Layer, sourced: SourcedPolicy) -> bool:
        return _type_of(account, layer, sourced) in types or any(test(layer, sourced) for test in tests)

    return is_excluded


def _type_of(account: Account, layer: Layer, sourced: SourcedPolicy) -> str:
    """In the words of PolicyExclusionList; empty for what the account grants by itself."""
    if layer is Layer.BOUNDARY:
        return "permission-boundary"
    if sourced.source_type == "managed":
        return "aws-managed" if account[MANAGED_POLICIES][sourced.source_id].is_aws_managed else "user-managed"
    return sourced.source_type if sourced.source_type in _POLICY_TYPES else ""


def _with_arn(arn: str, where: str) -> Excluded:
    """Of a managed policy that grants; a boundary is left out by its type."""
    *fixed, name = arn_parts(arn)
    if len(fixed) != ARN_PARTS - 1 or fixed[0] != "arn" or fixed[2] != "iam" or not name.startswith("policy/"):
        raise InvalidInput(f"{where}: expected the ARN of a managed policy, got {arn}.")
    if "*" in "".join(fixed) or "?" in "".join(fixed) or name.count("*") > 1:
        raise InvalidInput(f"{where}: expected wildcards in the name alone, and one * at most; got {arn}.")
    test = wildcard(arn)
    return lambda layer, sourced: (
        layer is Layer.IDENTITY and sourced.source_type == "managed" and test(sourced.source_id)
    )


def _inline(account: Account, inline: tuple[str, str, str], where: str) -> Excluded:
    """The service model's pattern of AttachmentName lets no wildcards through, although its documentation has them."""
    policy_name, kind, holder_name = inline
    if kind not in _HOLDERS:
        raise InvalidInput(f'{where}: expected an AttachmentType of {", ".join(_HOLDERS)}; got "{kind}".')

    def is_meant(_layer: Layer, sourced: SourcedPolicy) -> bool:
        if sourced.source_type != "inline":
            return False
        holder_id, _, name = sourced.source_id.partition("/")
        holder_kind, holder = holder_of(account, holder_id)
        return (name, holder_kind.noun, holder.name.lower()) == (policy_name, kind, holder_name.lower())

    return is_meant


def apply_exclusions(from_layers: Layers, is_excluded: Excluded) -> Layers:
    """A level of the organization or a boundary from which nothing is left limits no more."""
    kept: list[tuple[Layer, Sequence[SourcedPolicy]]] = []
    for layer, policies in from_layers:
        left = tuple(sourced for sourced in policies if not is_excluded(layer, sourced))
        if left or not policies or layer is Layer.IDENTITY:
            kept.append((layer, left))
    return kept
