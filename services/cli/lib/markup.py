"""HTML and SVG put together from elements, so that escaping happens in one place and nowhere else.

Texts come from requests: no character of one ever becomes markup. What cannot be seen, or turns the writing round, is
shown by its number, for it may be evidence.
"""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

from services.cli.lib.terminal import visible

_EMPTY = frozenset({"meta"})
"""Elements without content, which have no end tag (HTML Living Standard, "Void elements")."""


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of a document: made by this module alone."""

    text: str


def element(name: str, /, *children: Markup | str | None, **attributes: str | None) -> Markup:
    """An element with its attributes; a `_` in their names is a hyphen, and one at the end is left out. Texts among
    children and attributes are escaped; what is None is left out."""
    written = "".join(
        f' {_attribute(name)}="{escape(visible(value))}"' for name, value in attributes.items() if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    content = "".join(_content(child) for child in children if child is not None)
    return Markup(f"<{name}{written}>{content}</{name}>")


def group(*children: Markup | None) -> Markup:
    """Several pieces, one behind the other."""
    return Markup("".join(child.text for child in children if child is not None))


def document(title: str, style: str, body: Markup) -> str:
    """A page that loads nothing and runs nothing, whatever should ever get into it: the policy allows this one style,
    by its digest, and nothing else (W3C, "Content Security Policy Level 3")."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="referrer", content="no-referrer"),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", title),
        # Not escaped: it is a constant of the program, and the browser takes it as it stands.
        Markup(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang='en').text}\n"


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _content(child: Markup | str) -> str:
    return child.text if isinstance(child, Markup) else escape(visible(child))
