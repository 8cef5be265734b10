"""The command `muniment`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from services.ledger.embedded import EmbeddedPostgresError
from services.settings import SettingRefused, settings

EXIT_OK, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="muniment", description="An IAM and STS in which every action is an event.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="run the server until it is interrupted")
    serving.add_argument("--data", help="directory of database, master key and profile (MUNIMENT_DATA, ./data)")
    serving.add_argument("--listen", help="HOST:PORT (MUNIMENT_LISTEN, 127.0.0.1:8420)")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    return _serve(chosen)


def _serve(chosen: argparse.Namespace) -> int:
    from services.app import profile_file, serve  # noqa: PLC0415  the other commands need not wait for the server's imports

    try:
        chosen_settings = settings(os.environ, data=chosen.data, listen=chosen.listen)
        profile = profile_file(chosen_settings)

        def ready(endpoint: str) -> None:
            print(f"muniment ready on {endpoint}\n")
            print("Now type, in another terminal:")
            print(
                f"  export AWS_CONFIG_FILE={profile} AWS_PROFILE=muniment PATH={os.path.dirname(sys.executable)}:$PATH"
            )
            print("  aws iam create-user --user-name alice")
            print("  muniment history", flush=True)

        serve(chosen_settings, ready)
    except (SettingRefused, EmbeddedPostgresError) as error:
        print(f"muniment: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
