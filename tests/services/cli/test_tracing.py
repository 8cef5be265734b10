"""How a credential's story is told: on a terminal, as JSON and as a page, to whomever its texts come from."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from domain.foundation.moments import Moment
from domain.read_models.credential_activity import CallTallies, CallTally
from services.api.contract.question import Answer, Question
from services.api.contract.tracing import StillAlive, TracedLineage
from services.cli.entry_point import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, main
from services.cli.lib import client
from services.cli.lib.markup import element
from services.cli.lib.output import cut
from services.cli.lib.terminal import visible
from services.cli.lib.trace_html import render_trace
from services.cli.lib.trace_phrases import user_agents_by_product
from tests.services.cli.trace_example import ACCOUNT, AT, node, story

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)",
    "</title></style><b>x</b>",
    "&lt;b&gt;&#60;b&#62;",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe\u2066x\u2069",
    "=cmd|'/C calc'!A0",
    "a\nb\rc\td",
    "]]><!-- x --><?php x?>",
    "javascript:alert(1)",
]


@dataclass
class Skeleton(HTMLParser):
    """A page without what is written in it."""

    elements: list[tuple[str, ...]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))
        for name, value in attrs:
            self.values.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}",))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def skeleton(html: str) -> Skeleton:
    read = Skeleton()
    read.feed(html)
    read.close()
    return read


@dataclass
class Answering:
    """Stands for whoever answers."""

    answer: Answer

    def ask(self, _question: Question[Answer]) -> Answer:
        return self.answer


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """The last one in it is the answer to whatever is asked."""
    answers: list[Answer] = []

    @contextmanager
    def asked(_chosen: object) -> Iterator[Answering]:
        yield Answering(answers[-1])

    monkeypatch.setattr(client, "open_client", asked)
    return answers


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    """The elements and attributes of a page are those of the same story with harmless texts, and the hostile one stands
    in it to be read, what cannot be seen by its number."""
    hostile, harmless = skeleton(render_trace(story(text))), skeleton(render_trace(story("x")))
    assert hostile.elements == harmless.elements
    assert hostile.others == []
    shown = visible(text)
    assert any(shown in told for told in hostile.texts)
    written = [*hostile.texts, *(value for values in hostile.values.values() for value in values)]
    assert text == shown or not [told for told in written if text in told]


def test_a_page_loads_and_runs_nothing() -> None:
    """Its own policy allows one style, by its digest, and nothing else; there is no script, and nothing that would be
    fetched."""
    html = render_trace(story("x"))
    read = skeleton(html)
    tags = {tag for tag, *_ in read.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use", "a"}
    names = {name for _, *attributes in read.elements for name in attributes}
    assert not names & {"style", "src", "href", "srcset", "xlink:href", "action", "background", "data"}
    assert not [name for name in names if name.startswith("on")]
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy in read.values["content"]
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert "url(" not in style
    assert "@import" not in style


def test_the_command_writes_the_page(answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """The page and nothing else, to be put into a file."""
    answered.append(story("x"))
    assert main(["trace", "AKIASEED", "--output", "html"]) == EXIT_OK
    assert capsys.readouterr() == (render_trace(story("x")), "")


def test_every_element_is_closed() -> None:
    """A parser that forgives nothing reads the page: every element ends where it should."""
    open_: list[str] = []
    for tag, *_ in skeleton(render_trace(story("x"))).elements:
        if tag.startswith("/"):
            assert open_.pop() == tag[1:]
        elif tag != "meta":
            open_.append(tag)
    assert open_ == []


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_gets_nothing_but_writing(
    text: str, answered: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    """No character of a text moves the cursor, turns the writing round or begins a line of its own."""
    lines = []
    for told in (text, "x"):
        answered.append(story(told))
        assert main(["trace", "AKIASEED"]) == EXIT_OK
        out = capsys.readouterr().out
        assert all(character.isprintable() for character in out if character != "\n")
        lines.append([line for line in out.splitlines() if not line.startswith(" ")])
    hostile, harmless = lines
    assert len(hostile) == len(harmless)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_has_the_text_itself(text: str, answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """One object on one line of ASCII, in which the text stands as it was."""
    answered.append(story(text))
    assert main(["trace", "AKIASEED", "--output", "json"]) == EXIT_OK
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out)["did"][0]["calls"][0]["user_agent"] == text


def test_bounds_are_said_in_words(answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever something is left out, the terminal and the page say so, and how to get the rest."""
    answered.append(story("x"))
    main(["trace", "AKIASEED", "--wide"])
    assert "iam: GetUser*" in capsys.readouterr().out
    main(["trace", "AKIASEED"])
    told = capsys.readouterr().out
    assert "1 action of iam. To list them: --wide" in told
    assert "GetUser" not in told[told.index("UNUSED PERMISSIONS") :]
    written = " ".join(skeleton(render_trace(story("x"))).texts)
    for bound in (
        "calls after position 30 were not examined",
        "2 more addresses are left out",
        "The lineage is truncated at 5 nodes",
        "leads into the account 210987654321, not followed",
        "7 examined calls are not shown here",
        "muniment history --access-key-id AKIASEED",
        "2 more nodes are not remediated",
        "those after position 29 were not examined",
        "3 more credentials of its lineage were not examined",
    ):
        assert bound in told.replace("\n  ", " ")
        assert bound in written


def test_very_long_texts_are_cut_and_whole_in_a_title() -> None:
    """Those of cells; whoever points at one reads the rest. Labels and what else has a name stand whole."""
    long = "long-" * 300
    read = skeleton(render_trace(story(long)))
    assert any(told.endswith("…") for told in read.texts)
    assert f"user {long}" in read.texts
    assert f"access key AKIASEED of {long}: active, 2 calls" in read.texts
    arn = f"arn:aws:iam::{ACCOUNT}:role/" + "path/" * 100 + "name"
    assert arn in skeleton(render_trace(story(arn))).texts
    assert any(value == long for value in read.values["title"])


def test_user_agents_go_by_their_product(answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """A program that describes each call anew has one row, of its first call and its last, for whoever reads it; the
    JSON has every text."""
    wholes = [("aws-cli/1.46 md/a", 11), ("curl/8.1 x", 12), ("aws-cli/1.46 md/b", 13), (None, 14)]
    rows = tuple(CallTally(text, Moment(at, AT), Moment(at, AT), 1, 2) for text, at in wholes)
    one = story("x")
    did = one.did[0].model_copy(update={"user_agents": CallTallies(rows, 6)})
    told = one.model_copy(update={"did": (did,)})
    answered.append(told)
    main(["trace", "AKIASEED"])
    out = capsys.readouterr().out
    (aws,) = [line.split() for line in out.splitlines() if "aws-cli" in line]
    assert (aws[0], aws[-2:]) == ("aws-cli/1.46", ["2", "4"])
    assert "curl/8.1 x" in out
    assert "2 more user agents are left out" in out
    assert "aws-cli/1.46" in skeleton(render_trace(told)).texts
    assert user_agents_by_product(did.user_agents).rows[0].last.position == 13
    main(["trace", "AKIASEED", "--output", "json"])
    assert "aws-cli/1.46 md/b" in capsys.readouterr().out


def test_what_is_only_left_to_undo(answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is alive any more, nobody is told to contain it."""
    for contain, title in (
        (None, "Nothing is left to contain; to remediate"),
        ("muniment contain AKIASEED", "To contain it"),
    ):
        one = story("x")
        told = one.model_copy(update={"containment": one.containment.model_copy(update={"contain": contain})})
        answered.append(told)
        main(["trace", "AKIASEED"])
        assert title.upper() in capsys.readouterr().out
        assert any(text.startswith(title) for text in skeleton(render_trace(told)).texts)


def test_a_story_of_nothing() -> None:
    """A key that never called and made nothing has a page too."""
    empty = story("x")
    nothing = {"calls": (), "looked_at": 0, "calls_left": 0, "stopped_position": None}
    quiet = empty.model_copy(
        update={
            "first_use": None,
            "last_use": None,
            "did": (empty.did[0].model_copy(update=nothing),),
            "descent": TracedLineage(nodes=empty.descent.nodes[:1], alive=(), unfollowed=(), stopped_after_nodes=None),
        }
    )
    texts = skeleton(render_trace(quiet)).texts
    assert "It was never used." in texts
    assert "Nothing of it is still usable." in texts


def remains(**more: object) -> StillAlive:
    of: dict[str, object] = {
        "account_id": ACCOUNT,
        "position": 99,
        "at": AT,
        "alive": (),
        "unfollowed": (),
        "stopped_after_nodes": None,
    }
    return StillAlive.model_validate(of | more)


def test_nothing_is_alive(answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, nothing on standard output, and a sentence beside it."""
    answered.append(remains())
    for output in ("table", "json"):
        assert main(["trace", "AKIASEED", "--still-alive", "--output", output]) == EXIT_OK
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err == "muniment: Nothing of AKIASEED is still usable at position 99.\n"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (remains(alive=(node(22, "backup"),)), "1 of its credentials or principals are still usable."),
        (remains(stopped_after_nodes=10_000), "Only the first 10000 nodes were examined."),
        (
            remains(unfollowed=story("x").descent.unfollowed),
            "Accounts that it leads to were not examined: 210987654321",
        ),
    ],
)
def test_something_may_be_alive(
    found: StillAlive, told: str, answered: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 when something is, and when nobody can say that nothing is."""
    answered.append(found)
    assert main(["trace", "AKIASEED", "--still-alive"]) == EXIT_REFUSED
    out, error = capsys.readouterr()
    assert told in error
    assert ("backup" in out) == bool(found.alive)


def test_what_does_not_go_together(answered: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    answered.append(remains())
    assert main(["trace", "AKIASEED", "--still-alive", "--output", "html"]) == EXIT_USAGE
    assert "--still-alive" in capsys.readouterr().err


def test_markup_escapes_in_attributes_and_content() -> None:
    assert element("p", "<&>", title="\"'<\x00").text == ('<p title="&quot;&#x27;&lt;[U+0000]">&lt;&amp;&gt;</p>')
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
