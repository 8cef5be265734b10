"""SQL is source: it stands in .sql files beside the code, named, and is read once."""

import re
from collections.abc import Mapping
from importlib import resources

_NAME = re.compile(rb"^-- name: (\S+)[^\n]*\n", re.MULTILINE)


def load_statements(package: str, file_name: str) -> Mapping[str, bytes]:
    """The statements of a file by the names in their `-- name: …` lines. Parameters are written %(name)s.

    psycopg takes bytes where it takes a literal; nothing is ever put together from parts at run time.
    """
    _, *parts = _NAME.split(resources.files(package).joinpath(file_name).read_bytes())
    names = [name.decode() for name in parts[::2]]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file_name}: two statements have the same name.")
    return dict(zip(names, (body.strip() for body in parts[1::2]), strict=True))
