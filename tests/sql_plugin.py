"""A plugin of mypy: what is sent to the database is a literal, a statement of an .sql file, or composed by psycopg.

psycopg's own types cannot say so for mypy, to which LiteralString is str, and to psycopg all bytes are a literal.
"""

from collections.abc import Callable

from mypy.nodes import BytesExpr, Expression, StrExpr
from mypy.plugin import FunctionContext, MethodContext, Plugin
from mypy.types import Instance, LiteralType, Type, get_proper_type

STATEMENT = "projections.engine.sql_files.SqlStatement"
_SENDS = {
    f"psycopg.{owner}.{method}"
    for owner in ("cursor.Cursor", "connection.Connection", "_connection_base.BaseConnection")
    for method in ("execute", "executemany", "stream")
}
_COMPOSED = {"psycopg.sql.SQL", "psycopg.sql.Composed"}
_CONTEXT = FunctionContext | MethodContext


class SqlPlugin(Plugin):
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return _checked if fullname in _SENDS else None

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return _checked if fullname in {STATEMENT, "psycopg.sql.SQL"} else None


def _checked(context: _CONTEXT) -> Type:
    arguments = context.args[0] if context.args else []
    path = str(getattr(context.api, "path", ""))
    exempt = path.startswith(("tests/", "benchmarks/")) or path.endswith("projections/engine/sql_files.py")
    if arguments and not exempt and not _is_known(arguments[0], context.arg_types[0][0]):
        context.api.fail("SQL is a literal or a statement of an .sql file; this is composed", arguments[0])
    return context.default_return_type


def _is_known(argument: Expression, kind: Type) -> bool:
    if isinstance(argument, (StrExpr, BytesExpr)):
        return True
    match get_proper_type(kind):
        case LiteralType():
            return True
        case Instance() as instance:
            return instance.last_known_value is not None or instance.type.fullname in {STATEMENT, *_COMPOSED}
    return False


def plugin(_version: str) -> type[Plugin]:
    return SqlPlugin
