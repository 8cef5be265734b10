"""The process between our server and its postmaster, so that neither a crash nor a kill of the one leaves the other.

Run by path with the standard library alone: `embedded_watchdog.py UID:GID|- PROGRAM ARGUMENT…`. Standard input is a
pipe whose other end only the server holds. It ends when the server closes it or is gone, however it went: an orderly
stop and a crash take the same way. The exit status is PROGRAM's.
"""

import os
import signal
import subprocess
import sys
import threading

_SHUTDOWN_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None))
"""Fast shutdown, immediate shutdown, the end; each with the seconds it is given
(https://www.postgresql.org/docs/current/server-shutdown.html)."""


def _end_with_server(postmaster: subprocess.Popen[bytes]) -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written: what it returns is the end
    for word, seconds in _SHUTDOWN_SIGNALS:
        postmaster.send_signal(word)
        try:
            postmaster.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def _main(owner: str, *command: str) -> int:
    # A service manager signals every process it sees, but only our server decides when PostgreSQL ends. Not SIG_IGN:
    # the postmaster would inherit it, and be deaf to a shutdown that comes before it has handlers of its own.
    for disregarded in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(disregarded, lambda *_: None)
    uid, gid = (None, None) if owner == "-" else map(int, owner.split(":"))
    postmaster = subprocess.Popen(  # noqa: S603  the command is our server's
        command, stdin=subprocess.DEVNULL, user=uid, group=gid, extra_groups=None if uid is None else []
    )
    threading.Thread(target=_end_with_server, args=(postmaster,), daemon=True).start()
    return postmaster.wait()


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
