"""A PostgreSQL that is somebody else's, as far as the server is concerned, and gone afterwards."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import make_conninfo

from services.ledger.embedded_programs import Programs, SystemUser, find_programs
from tests.places import place_for_data


@contextmanager
def throwaway_postgres(
    settings: str = "", *, programs_in: Path | None = None, base: Path | None = None
) -> Iterator[str]:
    """Conninfo of a superuser of a new server, or of one on a copy of a base backup. It listens on a socket in its data
    directory only."""
    user = SystemUser.chosen()
    with place_for_data() as home:
        programs = find_programs(home, user) if programs_in is None else Programs(programs_in, "its own", user)
        data = home / "data"
        data.mkdir(mode=0o700)
        if base is not None:
            shutil.copytree(base, data, dirs_exist_ok=True)
            data.chmod(0o700)
            (data / ".s.PGSQL.5432.lock").unlink()  # where no other server keeps its socket
            user.give_tree(data)
        else:
            user.give(data)
            what = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
            programs.run("initdb", f"--pgdata={data}", *what)
        options = f"-c listen_addresses='' -c unix_socket_directories={data} -c timezone=UTC {settings}"
        control = ("pg_ctl", f"--pgdata={data}", "--silent")
        # With a log file the server does not keep our end of the pipe open.
        programs.run(*control, "start", "--wait", f"--log={data / 'log'}", f"--options={options}")
        try:
            yield make_conninfo(host=str(data), user="postgres", dbname="postgres")
        finally:
            programs.run(*control, "stop", "--mode=immediate")
