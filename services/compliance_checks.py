"""Compliance checks of the operator's own: Python modules that the settings name."""

from collections.abc import Iterable
from importlib import import_module

from domain.compliance.frameworks import load_checks
from services.settings import InvalidSetting

VARIABLE = "MUNIMENT_COMPLIANCE_CHECKS"


def load_own_checks(modules: Iterable[str]) -> None:
    """Beside those that come with the program. Every process that reads the database has to know the same ones, for it
    makes its tables of violations by them. Raises InvalidSetting, naming the module and what is wrong with it."""
    load_checks()
    for name in modules:
        try:
            import_module(name)
        except Exception as error:
            raise InvalidSetting(
                f"{VARIABLE} names the module {name}, which cannot be imported: {type(error).__name__}: {error}"
            ) from error
