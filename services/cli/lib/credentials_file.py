"""The profiles of AWS's tools in their files, in which two lines are changed and every other byte stays (AWS CLI User
Guide, "Configuration and credential file settings")."""

import io
import re
import shlex
from configparser import Error, RawConfigParser

from services.cli.lib.terminal import Failure

ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_SECTION = re.compile(r"\s*\[(.+)\]")
_OPTION = re.compile(r"(\s*([^\s=:]+)\s*[=:][^\S\r\n]*)([^\r\n]*)")

Sections = dict[str, dict[str, str]]


def parse_sections(text: str) -> Sections:
    """As botocore reads them. Raises Failure."""
    parser = RawConfigParser(default_section="")
    try:
        parser.read_file(io.StringIO(text, newline=None))
    except Error as error:
        # What it says may have a line of the file, and in it a secret.
        raise Failure(f"It is no file of profiles that AWS's tools read: {type(error).__name__}.") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def find_section(sections: Sections, profile: str, *, is_config: bool) -> str | None:
    """What the profile's section is called: its name, and in a configuration file mostly `profile` before it."""
    return next((name for name in sections if _profile_of(name, is_config=is_config) == profile), None)


def with_access_key(text: str, profile: str, access_key_id: str, secret: str, *, is_config: bool = False) -> str:
    """The file's text with the profile's key replaced, or with the profile at its end.

    Raises Failure for a file that is not understood to the last line, and for a profile of temporary credentials.
    """
    before = parse_sections(text)
    name = find_section(before, profile, is_config=is_config)
    values = {ACCESS_KEY_ID: access_key_id, SECRET_ACCESS_KEY: secret}
    lines: list[str] = _LINES.findall(text)
    if name is None:
        name = f"profile {shlex.quote(profile)}" if is_config and profile != "default" else profile
        _append(lines, name, values)
    elif SESSION_TOKEN in before[name]:
        raise Failure(f"The profile {profile} has temporary credentials, with {SESSION_TOKEN}: choose another one.")
    else:
        _replace(lines, name, values)
    after = "".join(lines)
    if parse_sections(after) != {**before, name: {**before.get(name, {}), **values}}:
        raise Failure(
            f"The profile {profile} is written in a form that is not understood: expected a line for each value."
        )
    return after


def _profile_of(section: str, *, is_config: bool) -> str | None:
    if not is_config or section == "default":
        return section
    try:
        words = shlex.split(section)
    except ValueError:
        return None
    return words[1] if len(words) == 2 and words[0] == "profile" else None  # noqa: PLR2004  and its name


def _append(lines: list[str], name: str, values: dict[str, str]) -> None:
    end = _line_end(lines)
    if lines:
        if not lines[-1].endswith(("\r", "\n")):
            lines[-1] += end
        lines.append(end)
    lines += [f"[{name}]{end}", *(f"{key} = {value}{end}" for key, value in values.items())]


def _replace(lines: list[str], name: str, values: dict[str, str]) -> None:
    sections = [(at, found[1]) for at, line in enumerate(lines) if (found := _SECTION.match(line))]
    begin = next((at for at, section in sections if section == name), len(lines))
    end = next((at for at, _ in sections if at > begin), len(lines))
    left = dict(values)
    last = begin
    for at in range(begin + 1, end):
        found = _OPTION.match(lines[at])
        value = None if found is None else left.pop(found[2].lower(), None)
        if found is not None and value is not None:
            lines[at] = found[1] + value + lines[at][found.end() :]
            last = at
    ending = _line_end(lines)
    if left and lines[begin:] and not lines[last].endswith(("\r", "\n")):
        lines[last] += ending
    lines[last + 1 : last + 1] = [f"{key} = {value}{ending}" for key, value in left.items()]


def _line_end(lines: list[str]) -> str:
    """As the file's first line ends."""
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
