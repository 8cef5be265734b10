"""The policies that AWS maintains, as far as this program and its operator bring them along (docs/adr/0053).

What an account uses of them is in its own ledger, adopted when it is first used. The rest of the catalogue is the
program's, read at its start: an account knows it by the digest that it has adopted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType

from domain.account import Account
from domain.families.policies import (
    MANAGED_CATALOGUE,
    MANAGED_POLICIES,
    CatalogueVersion,
    ManagedCatalogueAdopted,
    ManagedPolicy,
    policy_of_version,
)
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import arn, refuse_other_arn

SERVICE_ROLE_POLICIES = "/aws-service-role/"
"""The path of those for service-linked roles, which nobody else may be given."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Of one partition."""

    partition: str
    digest: str
    """SHA-256 in hexadecimal digits of all that is in it, the same for every partition."""
    policies: Mapping[str, ManagedPolicy]
    """By ARN, each with all its versions; the newest is the default."""
    newest: Mapping[str, CatalogueVersion]

    def named(self, name: str) -> CatalogueVersion:
        """The newest version of the policy of that name, which is on no path."""
        return self.newest[arn(self.partition, "iam", "aws", f"policy/{name}")]

    @classmethod
    def of(cls, partition: str, digest: str, versions: Iterable[CatalogueVersion]) -> "Catalogue":
        """The versions of a policy from the oldest on."""
        policies: dict[str, ManagedPolicy] = {}
        newest: dict[str, CatalogueVersion] = {}
        for version in versions:
            policy = policy_of_version(version)
            former = policies.get(policy.arn)
            policies[policy.arn] = (
                policy if former is None else replace(policy, versions=former.versions.update(policy.versions))
            )
            newest[policy.arn] = version
        return cls(partition, digest, policies, newest)


_NOTHING: Mapping[str, ManagedPolicy] = MappingProxyType({})
_published: dict[str, Catalogue] = {}
"""By partition: what this process brings along."""


def publish(catalogue: Catalogue) -> None:
    """Before anything is decided: the program reads the files at its start."""
    _published[catalogue.partition] = catalogue


def published_catalogue(partition: str) -> Catalogue:
    """Raises LookupError where none was published."""
    return _published[partition]


def _not_used_yet(account: Account) -> Mapping[str, ManagedPolicy]:
    """Of the catalogue that the account has adopted; nothing, where this process brings along another one."""
    catalogue = _published.get(account.partition)
    return catalogue.policies if catalogue is not None and catalogue.digest == account[MANAGED_CATALOGUE] else _NOTHING


def find_policy(account: Account, policy_arn: str) -> ManagedPolicy | None:
    """One that the account may use, of its own or AWS's, with all its versions."""
    return _not_used_yet(account).get(policy_arn) or account[MANAGED_POLICIES].get(policy_arn)


def known_policy(account: Account, policy_arn: str) -> ManagedPolicy:
    """`find_policy`. Raises NoSuchEntity."""
    policy = find_policy(account, policy_arn)
    if policy is None:
        refuse_other_arn(policy_arn, "policy")
        raise NoSuchEntity(f"Policy {policy_arn} was not found.")
    return policy


def known_policies(account: Account) -> Iterator[ManagedPolicy]:
    catalogue = _not_used_yet(account)
    own = (policy for policy_arn, policy in account[MANAGED_POLICIES].items() if policy_arn not in catalogue)
    return chain(own, catalogue.values())


def is_attachable(policy: ManagedPolicy) -> bool:
    """To what is no service-linked role."""
    return not (policy.is_aws_managed and policy.path.startswith(SERVICE_ROLE_POLICIES))


def adoption(account: Account, *policy_arns: str) -> tuple[ManagedCatalogueAdopted, ...]:
    """What comes before the first use of these policies, each found: from there on the ledger has their documents."""
    digest = account[MANAGED_CATALOGUE]
    return tuple(
        ManagedCatalogueAdopted(digest=digest, versions=(_published[account.partition].newest[policy_arn],))
        for policy_arn in dict.fromkeys(policy_arns)
        if policy_arn not in account[MANAGED_POLICIES]
    )


def adopt_catalogue(account: Account, catalogue: Catalogue) -> Iterator[ManagedCatalogueAdopted]:
    """The events by which the account comes to know this catalogue: nothing where it does. They carry what differs of
    the policies that it uses, each in an event of its own, for an entry is bounded."""
    if account[MANAGED_CATALOGUE] == catalogue.digest:
        return
    for policy_arn, policy in account[MANAGED_POLICIES].items():
        version = catalogue.newest.get(policy_arn)
        if version is not None and policy != policy_of_version(version):
            yield ManagedCatalogueAdopted(digest=catalogue.digest, versions=(version,))
    yield ManagedCatalogueAdopted(digest=catalogue.digest, versions=())
