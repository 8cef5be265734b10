"""Commands that an answer suggests, to be pasted into a shell."""

import shlex


def suggested_command(*words: str, **options: str) -> str:
    """Quoted for a shell, whatever stands in it. An option's value that begins with a dash would be taken for an option
    by itself."""
    written = list(words)
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        written += [f"{option}={value}"] if value.startswith("-") else [option, value]
    return shlex.join(written)
