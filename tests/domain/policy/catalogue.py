"""A catalogue of two services: a bucket and what is in it, and roles."""

from domain.policy.catalogue import CatalogueAction, ResourceType, Service

BUCKET, OBJECT, ROLE = "arn:*:s3:::*", "arn:*:s3:::*/*", "arn:*:iam::*:role/*"


class Catalogue:
    """An ActionCatalogue."""

    version, digest = "1", "0f"
    services = ("s3", "iam")

    def service(self, prefix: str) -> Service | None:
        return {"s3": S3, "iam": IAM}.get(prefix)


def action(name: str, *types: str, keys: tuple[str, ...] = ()) -> CatalogueAction:
    return CatalogueAction(name, "Read", types, frozenset(keys))


def service(prefix: str, actions: list[CatalogueAction], types: dict[str, str], keys: dict[str, str]) -> Service:
    resources = {name: ResourceType(name, arn, frozenset()) for name, arn in types.items()}
    return Service(prefix, {known.name.lower(): known for known in actions}, resources, keys)


S3 = service(
    "s3",
    [
        action("GetObject", "object", keys=("s3:versionid",)),
        action("PutObject", "object"),
        action("ListBucket", "bucket", keys=("s3:prefix",)),
        action("ListAllMyBuckets"),
    ],
    {"bucket": BUCKET, "object": OBJECT},
    {"s3:prefix": "String", "s3:versionid": "String", "s3:requestobjecttag/*": "String"},
)
IAM = service(
    "iam",
    [action("PassRole", "role", keys=("iam:passedtoservice",)), action("CreateServiceLinkedRole", "role")],
    {"role": ROLE},
    {"iam:passedtoservice": "String", "aws:resourcetag/*": "String"},
)
CATALOGUE = Catalogue()
