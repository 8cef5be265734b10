"""The credentials of an account as one page of HTML with a histogram of their ages, which opens without a network and
prints."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from domain.foundation.credential_kind import kind_title
from domain.foundation.suggested_commands import suggested_command
from domain.read_models.credentials import Credential
from services.cli.lib.credential_output import CREDENTIALS
from services.cli.lib.markup import Markup, document, element
from services.cli.lib.output import count_noun
from services.cli.lib.page_parts import bound_note, column_table, fact_list, legend, page_style

ROWS_MAX = 5_000
"""So many are listed, the oldest; all are counted."""
AGE_BOUNDS = (0, 30, 60, 90, 180, 365, 730)
"""Days at which a bar begins."""
_WIDTH, _BAR_ROW, _BAR_HEIGHT, _LABEL_WIDTH, _COUNT_WIDTH = 640, 26, 18, 120, 60
"""In pixels."""
_LATE = {"rotation_overdue", "rotation_overlap_exceeded", "expired", "idle"}
_SOON = {"rotation_warned", "rotation_due", "expiry_warned"}
_LOOKS = (("late", "overdue, idle or expired"), ("soon", "warned or due"), ("calm", "nothing stands"))

_STYLE = page_style("credentials_html.css")


def render_credentials(account_id: str, asked: str, credentials: Sequence[Credential]) -> str:
    """`asked` says as of when, and of which of them."""
    late = sum(look_of(each) == "late" for each in credentials)
    verdict = f"{count_noun(late, 'credential')} of {len(credentials):,}: overdue, idle or expired"
    title = f"Credentials of account {account_id}"
    body = element(
        "main",
        element("h1", title),
        element("p", verdict, class_="verdict alive" if late else "verdict"),
        element("p", asked, class_="note"),
        element("h2", "Ages"),
        _histogram(credentials),
        legend(_LOOKS),
        element("h2", "By kind"),
        fact_list(_by_kind(credentials)),
        element("h2", "Credentials, the oldest first"),
        column_table([column for column in CREDENTIALS if not column.wide], credentials[:ROWS_MAX], look_of),
        _left(len(credentials) - ROWS_MAX),
        element(
            "p",
            "Passwords, MFA devices, SSH keys and certificates are used where nothing is recorded here.",
            class_="note",
        ),
    )
    return document(title, _STYLE, body)


def look_of(held: Credential) -> str:
    stands = set() if held.lifecycle is None else {step.what for step in held.lifecycle.stands}
    return "late" if stands & _LATE else "soon" if stands & _SOON else "calm"


def age_bars(credentials: Sequence[Credential]) -> list[tuple[str, Counter[str]]]:
    """Of each span of ages its label, and how many are in it by their looks."""
    bars = [(f"{low} to {high - 1} days", Counter[str]()) for low, high in pairwise(AGE_BOUNDS)]
    bars.append((f"{AGE_BOUNDS[-1]} days or more", Counter()))
    for each in credentials:
        place = sum(each.age_days >= bound for bound in AGE_BOUNDS[1:])
        bars[place][1][look_of(each)] += 1
    return bars


def _histogram(credentials: Sequence[Credential]) -> Markup:
    bars = age_bars(credentials)
    most = max((counts.total() for _, counts in bars), default=0) or 1
    title = "How many credentials are how old"
    drawn = [part for row, (label, counts) in enumerate(bars) for part in _bar(row, label, counts, most)]
    height = _BAR_ROW * len(bars)
    return element(
        "svg",
        element("title", title),
        *drawn,
        width="100%",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        class_="ages",
    )


def _bar(row: int, label: str, counts: Counter[str], most: int) -> Iterator[Markup]:
    top, begin = row * _BAR_ROW + (_BAR_ROW - _BAR_HEIGHT) / 2, float(_LABEL_WIDTH)
    room = _WIDTH - _LABEL_WIDTH - _COUNT_WIDTH
    middle = f"{row * _BAR_ROW + _BAR_ROW / 2 + 4:g}"
    yield element("text", label, x=str(_LABEL_WIDTH - 8), y=middle, text_anchor="end", class_="small")
    for look, words in _LOOKS:
        if counts[look]:
            width = room * counts[look] / most
            told = element("title", f"{label}: {counts[look]:,} {words}")
            yield element(
                "rect", told, x=f"{begin:.1f}", y=f"{top:g}", width=f"{width:.1f}", height=str(_BAR_HEIGHT), class_=look
            )
            begin += width
    yield element("text", f"{counts.total():,}", x=f"{begin + 6:.1f}", y=middle, class_="small")


def _by_kind(credentials: Sequence[Credential]) -> Iterator[tuple[str, str]]:
    for kind, count in Counter(each.kind for each in credentials).most_common():
        late = sum(each.kind == kind and look_of(each) == "late" for each in credentials)
        yield kind_title(kind), f"{count:,}" + (f", of which {late:,} overdue, idle or expired" if late else "")


def _left(count: int) -> Markup | None:
    if count <= 0:
        return None
    command = suggested_command("muniment", "credentials", "--output", "csv")
    return bound_note(f"{count:,} more are not listed: `{command}` lists all.")
