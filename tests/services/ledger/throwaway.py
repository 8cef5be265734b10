"""A PostgreSQL that is somebody else's, as far as the server is concerned, and gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import make_conninfo

from services.ledger.embedded_programs import SystemUser, find_programs
from tests.places import place_for_data


@contextmanager
def throwaway_postgres(settings: str = "") -> Iterator[str]:
    """Conninfo of a new server's superuser. It listens on a socket in its data directory only."""
    user = SystemUser.chosen()
    with place_for_data() as home:
        programs = find_programs(home, user)
        data = home / "data"
        data.mkdir(mode=0o700)
        user.give(data)
        programs.run(
            "initdb",
            f"--pgdata={data}",
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={data} -c timezone=UTC {settings}"
        control = ("pg_ctl", f"--pgdata={data}", "--silent")
        # With a log file the server does not keep our end of the pipe open.
        programs.run(*control, "start", "--wait", f"--log={data / 'log'}", f"--options={options}")
        try:
            yield make_conninfo(host=str(data), user="postgres", dbname="postgres")
        finally:
            programs.run(*control, "stop", "--mode=immediate")
