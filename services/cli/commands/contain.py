"""The tree of a credential's lineage, and its containment."""

import argparse
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence

from domain.read_models.lineage import NODES_MAX
from services.api.contract.containment import Contain, ContainedAccount, Containment
from services.api.contract.lineage import LineageNode, LineageTree, NodePosition, ShowLineage
from services.api.contract.question import Question
from services.cli.lib.arguments import Commands, add_question_command
from services.cli.lib.client import QuestionClient, build_question, open_client
from services.cli.lib.failures import Failure
from services.cli.lib.output import (
    Column,
    JsonLines,
    arn_resource,
    print_line,
    print_note,
    printable,
    short_time,
    stdout_table,
)
from services.cli.lib.trace_phrases import lineage_left

CONTAIN_ATTEMPTS_MAX = 5
"""What is born between the finding and the ending is ended by the next attempt, when its parents are dead: the second
finds nothing more to do, unless there is more than one call ends."""


def add(commands: Commands) -> None:
    what = "cut off a credential and everything that it gave birth to"
    containing = add_question_command(commands, "contain", _contain, what)
    containing.epilog = "Exit code 1 when something of it is still honoured somewhere."
    containing.add_argument("credential", metavar="KEY|SESSION|PRINCIPAL", help="its id, name or ARN")
    containing.add_argument("--dry-run", action="store_true", help="only say what would be done")
    containing.add_argument("--include-self", action="store_true", help="even yourself, and the last administrator")
    containing.add_argument("--reason", metavar="TEXT", help="recorded with what is done")


def show_lineage_tree(chosen: argparse.Namespace, credential: str) -> None:
    with open_client(chosen) as answering:
        tree = answering.ask(
            build_question(ShowLineage, {"credential": credential, "as_of": chosen.as_of, "limit": NODES_MAX})
        )
    if chosen.output == "json":
        JsonLines().show([tree])
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for drawn in tree_lines(tree):
            print_line(drawn if width is None or len(drawn) <= width else drawn[: width - 1] + "…")
    for left in lineage_left(tree):
        print_note(left)


def tree_lines(tree: LineageTree) -> Iterator[str]:
    """A line a node, children below their parents in the order of their births."""
    children: dict[NodePosition | None, list[LineageNode]] = {}
    for node in tree.nodes:
        children.setdefault(node.parent, []).append(node)
    waiting = [(node, "", "") for node in reversed(children[None])]
    while waiting:
        node, before, below = waiting.pop()
        yield printable(before + _node_line(node, tree.account_id))
        born = children.get(NodePosition(account_id=node.account_id, position=node.position), [])
        drawn = [(child, below + "├─ ", below + "│  ") for child in born[:-1]]
        drawn += [(child, below + "└─ ", below + "   ") for child in born[-1:]]
        waiting += reversed(drawn)


def _node_line(node: LineageNode, account_id: str) -> str:
    what = f"{node.kind} {node.subject_id}"
    if node.arn is not None and node.kind in {"root", "user", "role", "group", "session"}:
        what += f" {arn_resource(node.arn)}"
    elif node.owner_id != node.subject_id:
        what += f" of {node.name}"
    if node.version is not None:
        what += f" {node.version}"
    where = f"p{node.position}" if node.account_id == account_id else f"{node.account_id} p{node.position}"
    state = node.state if node.since is None else f"{node.state} {short_time(node.since.at)}"
    return f"{what}  [{state}]  {short_time(node.at)}  {where}  request {node.request_id}"


def _contain(chosen: argparse.Namespace) -> None:
    parameters = {
        "credential": chosen.credential,
        "dry_run": chosen.dry_run or None,
        "include_self": chosen.include_self or None,
        "reason": chosen.reason,
    }
    with open_client(chosen) as answering:
        for answer in _attempts(answering, build_question(Contain, parameters)):
            if chosen.output == "json":
                JsonLines().show([answer])
            else:
                stdout_table(PLANNED if chosen.dry_run else ACCOUNTS).show(answer.accounts)
    for node in answer.standing:
        print_note(f"Left as it is: {_node_line(node, answer.account_id)}")
    for arn in answer.untouched:
        said = f"{arn_resource(arn)}, which has a credential of the lineage but is not of it"
        print_note(f"Left as it is: {said}. To cut it off too: muniment contain {shlex.quote(arn)}")
    if answer.stopped_after_nodes is not None:
        print_note(f"The lineage has more than {answer.stopped_after_nodes} births; those beyond were not looked at.")
    if chosen.dry_run:
        print_note("Nothing was changed.")
    elif left := [account.account_id for account in answer.accounts if not account.contained]:
        raise Failure(f"Not contained in {', '.join(left)}: something of {chosen.credential} is still honoured there.")


def _attempts(answering: QuestionClient, question: Question[Containment]) -> Iterator[Containment]:
    """Until nothing is alive, or nothing was done."""
    for _ in range(CONTAIN_ATTEMPTS_MAX):
        answer = answering.ask(question)
        yield answer
        done = any(account.denied or account.deactivated or account.revoked for account in answer.accounts)
        if answer.dry_run or not done or not answer.remaining:
            return


def _ids_with_names(account: ContainedAccount, ids: Sequence[str]) -> str:
    return ", ".join(f"{each} ({account.names[each]})" if each in account.names else each for each in ids)


def _columns(contained: str, denied: str, deactivated: str, revoked: str) -> Sequence[Column[ContainedAccount]]:
    return (
        Column("ACCOUNT", lambda account: account.account_id),
        Column(contained, lambda account: "yes" if account.contained else "no"),
        Column("FROM", lambda account: None if account.position is None else f"p{account.position}"),
        Column(denied, lambda account: _ids_with_names(account, account.denied), shrinks=True),
        Column(deactivated, lambda account: _ids_with_names(account, account.deactivated), shrinks=True),
        Column(revoked, lambda account: _ids_with_names(account, account.revoked), shrinks=True),
        Column("REASON", lambda account: account.reason, shrinks=True),
    )


ACCOUNTS = _columns("CONTAINED", "DENIED", "DEACTIVATED", "REVOKED")
PLANNED = _columns("CONTAINED ALREADY", "WOULD DENY", "WOULD DEACTIVATE", "WOULD REVOKE")
"""Of a dry run."""
