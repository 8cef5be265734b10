"""Places in an organization by their paths: o-a1b2c3d4e5/r-f6g7/ou-f6g7-11111111/123456789012."""

from domain.families.organization import Organization, OrganizationNode


def line_to(organization: Organization, node: OrganizationNode) -> list[OrganizationNode]:
    """From the root down to the node."""
    by_id = {each.id: each for each in organization.nodes}
    line = [node]
    while (parent_id := line[0].parent_id) is not None:
        line.insert(0, by_id[parent_id])
    return line


def path_of(organization: Organization, node: OrganizationNode) -> str:
    return "/".join([organization.id, *(each.id for each in line_to(organization, node))])


def node_at(organization: Organization, path: str) -> OrganizationNode | None:
    """What has this path; one that ends with a slash is the same."""
    path = path.removesuffix("/")
    node = next((each for each in organization.nodes if each.id == path.rpartition("/")[2]), None)
    return node if node is not None and path_of(organization, node) == path else None
