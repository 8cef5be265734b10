"""The command that is a witness: it signs checkpoints of other installations' logs."""

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from domain.evidence.note_keys import SigningKey, VerifierKey
from domain.evidence.signed_notes import InvalidNote
from services.cli.lib.arguments import add_command, add_subcommands, add_verbose_argument
from services.cli.lib.terminal import Failure, UsageError, print_line
from services.transparency.witness_state import WitnessKeysInvalid, load_keys

LISTEN_DEFAULT = "127.0.0.1:8421"
PORT_MAX = (1 << 16) - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    serve = add_command(commands, "serve", "run a witness until it is interrupted")
    _add_state(serve)
    serve.add_argument(
        "--name", metavar="NAME", help="of the witness, such as witness.example.com/w1; at the first start"
    )
    serve.add_argument(
        "--listen", metavar="HOST:PORT", default=LISTEN_DEFAULT, help=f"default: {LISTEN_DEFAULT}; put TLS in front"
    )
    what = "a key of a log that it may sign checkpoints of, as `muniment log` prints it; may be given more than once"
    serve.add_argument("--log", metavar="KEY", dest="logs", action="append", required=True, help=what)
    serve.set_defaults(run=_serve)
    key = add_command(commands, "key", "the keys by which its signatures are known")
    _add_state(key)
    key.set_defaults(run=_key)


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        required=True,
        help="with its keys and what it has signed: never restore it",
    )
    add_verbose_argument(parser)


def _serve(args: argparse.Namespace) -> None:
    """Raises Failure."""
    logs = _log_keys(args.logs)
    keys = _keys(args.state, args.name)
    host, _, port = args.listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > len("65535") or int(port) > PORT_MAX:
        raise UsageError(f"--listen is HOST:PORT, with a port of at most {PORT_MAX}; got {args.listen!r}.")
    import uvicorn  # noqa: PLC0415  slow, and of no use to `key`

    from services.app import http_config  # noqa: PLC0415
    from services.transparency.witness_server import WitnessApp  # noqa: PLC0415
    from services.transparency.witness_state import WitnessState  # noqa: PLC0415

    config = http_config(WitnessApp(keys, logs, WitnessState(args.state)))
    config.host, config.port = host.strip("[]"), int(port)

    class Witness(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                bound = self.servers[0].sockets[0].getsockname()[1]
                print_line(f"witness ready on http://{host}:{bound}")
                _show(keys)
                sys.stdout.flush()

    Witness(config).run()


def _key(args: argparse.Namespace) -> None:
    _show(_keys(args.state, None))


def _show(keys: Sequence[SigningKey]) -> None:
    for key in keys:
        print_line(str(key.verifier))


def _keys(directory: Path, name: str | None) -> list[SigningKey]:
    try:
        return load_keys(directory, name)
    except WitnessKeysInvalid as error:
        raise Failure(str(error)) from error


def _log_keys(texts: Sequence[str]) -> list[VerifierKey]:
    try:
        return [VerifierKey.parse(text) for text in texts]
    except InvalidNote as error:
        raise UsageError(str(error)) from error
