"""Who has checkpoints signed by witnesses, as the settings say."""

from pathlib import Path

from domain.evidence.witness_policies import InvalidPolicy, WitnessPolicy, parse_policy
from services.ledger.database import Database, connect
from services.outbound.fetcher import Fetcher
from services.settings import InvalidSetting, Settings
from services.transparency.cosigning import Cosigning

VARIABLE = "MUNIMENT_WITNESS_POLICY"


def build_cosigning(database: Database, settings: Settings) -> Cosigning | None:
    """None where no witness is named. Raises InvalidSetting."""
    if settings.witness_policy is None:
        return None
    policy = _policy(settings.witness_policy)
    if not any(witness.url for witness in policy.witnesses.values()):
        raise InvalidSetting(f"{VARIABLE} names no witness with its URL: `witness NAME KEY URL`.")
    return Cosigning(lambda: connect(database, "writer"), policy, Fetcher(settings.outbound_allow))


def _policy(path: Path) -> WitnessPolicy:
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise InvalidSetting(f"{VARIABLE} is {path}, which cannot be read: {error.strerror}.") from error
    except InvalidPolicy as error:
        raise InvalidSetting(f"{VARIABLE} is {path}: {error}") from error
