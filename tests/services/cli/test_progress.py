"""What a person sees of a long command."""

import io

from services.cli.lib.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal() -> None:
    """One line, written over a few times a second, with rate and rest; and wiped for what is said next."""
    times = iter([0.0, 0.0, 0.1, 10.0, 20.0])
    out = Terminal()
    progress = Progress(out, lambda: next(times))
    progress.tell("trail of 123456789012", 0, 300_000)
    progress.tell("trail of 123456789012", 1_000, 300_000)  # too soon
    progress.tell("trail of 123456789012", 100_000, 300_000)
    progress.tell("comparing \x1b[2Jtrail", 0, 0)
    progress.clear()
    assert out.getvalue().split("\r") == [
        "",
        "muniment: trail of 123456789012: 0 of 300,000 positions\x1b[K",
        "muniment: trail of 123456789012: 100,000 of 300,000 positions, 10,000 a second, about 0:20 left\x1b[K",
        "muniment: comparing trail\x1b[K",
        "\x1b[K",
    ]


def test_elsewhere() -> None:
    """A whole line now and then, and none for what is over at once."""
    times = iter([0.0, 1.0, 9.0, 11.0, 12.0, 21.0])
    out = io.StringIO()
    progress = Progress(out, lambda: next(times))
    for done in (0, 800, 1_000, 1_100, 2_000):
        progress.tell("the ledger", done, 4_000)
    progress.clear()
    assert out.getvalue() == (
        "muniment: the ledger: 1,000 of 4,000 positions, 100 a second, about 0:30 left\n"
        "muniment: the ledger: 2,000 of 4,000 positions, 100 a second, about 0:20 left\n"
    )


def test_the_rate_is_that_of_the_work_at_hand() -> None:
    """What took long before does not make slow what comes next."""
    times = iter([0.0, 0.0, 10.0, 20.0, 30.0])
    out = Terminal()
    progress = Progress(out, lambda: next(times))
    progress.tell("first", 0, 100)
    progress.tell("first", 100, 100)
    progress.tell("second", 0, 5_000)
    progress.tell("second", 1_000, 5_000)
    assert out.getvalue().endswith("second: 1,000 of 5,000 positions, 100 a second, about 0:40 left\x1b[K")
