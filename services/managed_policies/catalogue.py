"""The policies that AWS maintains, read from files: those of this program, written from what AWS documents of them, and
those of the operator (docs/adr/0053)."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.families.aws_managed_policies import Catalogue, publish
from domain.families.policies import CatalogueVersion
from domain.foundation.errors import MalformedPolicyDocument
from domain.foundation.identifiers import arn
from domain.policy import PARTITIONS, PolicyType, parse
from services.settings import InvalidSetting

FILES_MAX = 2_000
"""AWS has some 1,400."""
FILE_BYTES_MAX = 262_144
DOCUMENT_CHARACTERS_MAX = 32_768
"""One goes into an entry whole."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Version(_Strict):
    version_id: Annotated[str, Field(alias="VersionId", pattern=r"^v[1-9][0-9]{0,4}$")]
    created_at: Annotated[AwareDatetime, Field(alias="CreateDate")]
    document: Annotated[dict[str, object], Field(alias="Document")]


class _PolicyFile(_Strict):
    """As GetPolicy and GetPolicyVersion show them; without an ARN, which depends on the partition."""

    name: Annotated[str, Field(alias="PolicyName", pattern=r"^[\w+=,.@-]{1,128}$")]
    policy_id: Annotated[str, Field(alias="PolicyId", pattern=r"^ANPA[A-Z0-9]{12,60}$")]
    path: Annotated[str, Field(alias="Path", pattern=r"^((/[A-Za-z0-9\.,\+@=_-]+)*)/$", max_length=512)]
    description: Annotated[str, Field(alias="Description", max_length=1_000)]
    created_at: Annotated[AwareDatetime, Field(alias="CreateDate")]
    versions: Annotated[tuple[_Version, ...], Field(alias="Versions", min_length=1, max_length=100)]


class _File(Protocol):
    @property
    def name(self) -> str: ...
    def read_bytes(self) -> bytes: ...


def publish_catalogues(directory: Path | None) -> None:
    """Makes the policies known to decisions, of every partition. Raises InvalidSetting for a file that cannot be
    meant."""
    own = list(_own_files())
    added = [] if directory is None else list(_policies(_files_in(directory)))
    if taken := sorted({(each.path, each.name) for each in own} & {(each.path, each.name) for each in added}):
        raise InvalidSetting(f"{directory}: the policy {''.join(taken[0])} is one of the program's own.")
    _refuse_repeated(directory, [*own, *added])
    policies = sorted((*own, *added), key=lambda policy: (policy.path, policy.name))
    content = json.dumps([policy.model_dump(mode="json", by_alias=True) for policy in policies])
    digest = hashlib.sha256(content.encode()).hexdigest()
    for partition in PARTITIONS:
        versions = (version for policy in policies for version in _of(policy, partition))
        publish(Catalogue.of(partition, digest, versions))


@cache
def _own_files() -> tuple[_PolicyFile, ...]:
    directory = files("services.managed_policies")
    return tuple(_policies(file for file in directory.iterdir() if file.name.endswith(".json")))


def _files_in(directory: Path) -> list[Path]:
    try:
        found = sorted(directory.glob("*.json"))
        if not directory.is_dir():
            raise InvalidSetting(f"{directory} is no directory: expected one with a JSON file for each policy.")
    except OSError as error:
        raise InvalidSetting(f"{directory} cannot be read: {error.strerror}.") from error
    if len(found) > FILES_MAX:
        raise InvalidSetting(f"{directory} has {len(found)} policies; expected at most {FILES_MAX}.")
    return found


def _policies(found: Iterable[_File]) -> Iterator[_PolicyFile]:
    for file in sorted(found, key=lambda file: file.name):
        try:
            content = file.read_bytes()
            if len(content) > FILE_BYTES_MAX:
                raise ValueError(f"expected at most {FILE_BYTES_MAX} bytes, got {len(content)}")  # noqa: TRY301
            policy = _PolicyFile.model_validate_json(content)
            for version in policy.versions:
                parse(_text(version), PolicyType.IDENTITY)
        except (OSError, ValueError, MalformedPolicyDocument) as error:
            raise InvalidSetting(f"{file.name} is no managed policy: {_reason(error)}") from error
        yield policy


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return re.sub(r"\s+", " ", str(error))
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"


def _text(version: _Version) -> str:
    text = json.dumps(version.document)
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise ValueError(f"expected documents of at most {DOCUMENT_CHARACTERS_MAX} characters, got {len(text)}")
    return text


def _refuse_repeated(directory: Path | None, policies: list[_PolicyFile]) -> None:
    ids = [policy.policy_id for policy in policies]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        raise InvalidSetting(f"{directory}: two policies have the id {twice}.")
    for policy in policies:
        numbers = [_number(version) for version in policy.versions]
        if numbers != sorted(set(numbers)):
            raise InvalidSetting(f"The versions of the policy {policy.name} are not in order, each once.")


def _of(policy: _PolicyFile, partition: str) -> Iterator[CatalogueVersion]:
    """A document of this program says `arn:aws:`; in another partition that is another name."""
    for version in policy.versions:
        yield CatalogueVersion(
            policy_id=policy.policy_id,
            policy_arn=arn(partition, "iam", "aws", f"policy{policy.path}{policy.name}"),
            policy_name=policy.name,
            path=policy.path,
            description=policy.description,
            created_at=policy.created_at.astimezone(UTC),
            version=_number(version),
            updated_at=_utc(version.created_at),
            document=_text(version).replace('"arn:aws:', f'"arn:{partition}:'),
        )


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _number(version: _Version) -> int:
    return int(version.version_id[1:])
