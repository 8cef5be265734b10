"""The tree of a credential's lineage."""

import argparse
from collections.abc import Iterator

from domain.read_models.lineage import NODES_MAX, LineageNode
from services.api.contract.lineage import LineageTree, ShowLineage
from services.cli.lib.client import ask
from services.cli.lib.doors_output import print_left, show_doors
from services.cli.lib.output import JsonLines, cut, short_time, stdout_width
from services.cli.lib.terminal import print_line, print_note, printable
from services.cli.lib.trace_phrases import children_of, lineage_left, node_label


def show_lineage_tree(args: argparse.Namespace, credential: str) -> None:
    tree = ask(
        args,
        ShowLineage,
        {
            "credential": credential,
            "as_of": args.as_of,
            "compromised_since": args.compromised_since,
            "limit": NODES_MAX,
        },
    )
    if args.output == "json":
        JsonLines().show([tree])
    else:
        width = stdout_width()
        for drawn in tree_lines(tree):
            print_line(drawn if width is None else cut(drawn, width))
        show_doors(tree.open_doors, tree.account_id)
    print_left(tree.left)
    for left in lineage_left(tree):
        print_note(left)


def tree_lines(tree: LineageTree) -> Iterator[str]:
    """A line a node, children below their parents in the order of their creation."""
    children = children_of(tree.nodes)
    waiting = [(node, "", "") for node in reversed(children[None])]
    while waiting:
        node, before, below = waiting.pop()
        yield printable(before + node_line(node, tree.account_id))
        created = children[node.place]
        drawn = [(child, below + "├─ ", below + "│  ") for child in created[:-1]]
        drawn += [(child, below + "└─ ", below + "   ") for child in created[-1:]]
        waiting += reversed(drawn)


def node_line(node: LineageNode, account_id: str) -> str:
    where = f"p{node.position}" if node.account_id == account_id else f"{node.account_id} p{node.position}"
    state = node.state if node.since is None else f"{node.state} {short_time(node.since.at)}"
    return f"{node_label(node)}  [{state}]  {short_time(node.at)}  {where}  request {node.request_id}"
