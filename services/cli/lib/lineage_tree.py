"""The tree of a credential's lineage."""

import argparse
from collections.abc import Iterator

from domain.read_models.lineage import NODES_MAX, LineageNode
from services.api.contract.lineage import LineageTree, ShowLineage
from services.cli.lib.client import ask
from services.cli.lib.doors_output import print_left, show_doors
from services.cli.lib.output import TEXT_CHARACTERS_MIN, JsonLines, short_time
from services.cli.lib.terminal import Colour, print_line, print_note, printable, stdout_width, wrapped
from services.cli.lib.trace_phrases import children_of, lineage_left, node_colour, node_label


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
        width = None if args.wide else stdout_width()
        for line, colour in tree_lines(tree, width, wide=args.wide):
            print_line(line, colour)
        show_doors(tree.open_doors, tree.account_id)
    print_left(tree.left)
    for left in lineage_left(tree):
        print_note(left)


def tree_lines(
    tree: LineageTree, width: int | None = None, *, wide: bool = False
) -> Iterator[tuple[str, Colour | None]]:
    """A node on as many lines as it takes, children below their parents in the order of their creation."""
    children = children_of(tree.nodes)
    waiting = [(node, "", "") for node in reversed(children[None])]
    while waiting:
        node, before, below = waiting.pop()
        created = children[node.place]
        indent = below + ("│  " if created else "   ")
        text = printable(node_line(node, tree.account_id, wide=wide))
        lines = wrapped(text, width and max(width - len(indent), TEXT_CHARACTERS_MIN))
        for number, line in enumerate(lines):
            yield (indent if number else before) + line, node_colour(node)
        drawn = [(child, below + "├─ ", below + "│  ") for child in created[:-1]]
        drawn += [(child, below + "└─ ", below + "   ") for child in created[-1:]]
        waiting += reversed(drawn)


def node_line(node: LineageNode, account_id: str, *, wide: bool) -> str:
    where = f"p{node.position}" if node.account_id == account_id else f"{node.account_id} p{node.position}"
    state = node.state if node.since is None else f"{node.state} {short_time(node.since.at)}"
    request = f"  request {node.request_id}" if wide else ""
    return f"{node_label(node)}  [{state}]  {short_time(node.at)}  {where}{request}"
