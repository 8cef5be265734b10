"""Whatever a lineage and others do in turn, the account without the lineage's part can be told, used and put back."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from domain.account import Account
from domain.altered_settings import AlteredSetting, without_lineage
from domain.entity_kinds import is_there
from domain.facts import facts, subjects
from domain.families.analyzers import (
    ANALYZERS,
    AnalyzerChange,
    AnalyzerCreated,
    AnalyzerDeleted,
    AnalyzerTagged,
    ArchiveRuleCreated,
    ArchiveRuleDefinition,
    FilterCriterion,
    FindingsUpdated,
)
from domain.families.groups import GROUPS
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.passwords import PASSWORD_SETTING, RootLoginProfileCreated, RootLoginProfileDeleted
from domain.families.policies import INLINE_POLICIES, MANAGED_POLICIES
from domain.foundation.events import Change, Entry
from domain.ledger_state import empty, evolve
from domain.lineage_kinds import Setting
from domain.queries.restoration import restore
from domain.registry import lineage_kind, lineage_kind_names
from tests.domain.accounts import AT, new_account
from tests.histories import histories
from tests.steps import ACCOUNT

KINDS = [
    (kind.setting, kind.name, kind.writes)
    for name in sorted(lineage_kind_names() - {"policy"})
    if (kind := lineage_kind(name)) is not None and kind.setting is not None
]


def settings_of(values: list[Account]) -> list[AlteredSetting]:
    """Every setting that there has been in one of the values."""
    found = dict[tuple[Setting, str, str], AlteredSetting]()
    for account in values:
        subjects_of = {owner: [owner, *account[INLINE_POLICIES].get(owner, ())] for owner in subjects(account)}
        pairs = [*account[GROUPS].by_id, *account[MANAGED_POLICIES], *account[MFA_DEVICES].by_arn, *account[ANALYZERS]]
        for setting, kind, _ in KINDS:
            for owner, own in subjects_of.items():
                for subject in (*own, *pairs):
                    if setting.parts(account, owner, subject):
                        place = (setting, owner, subject)
                        found.setdefault(place, AlteredSetting(setting, kind, account.id, owner, subject))
    return list(found.values())


def everything_said(account: Account) -> None:
    """Reads all that hangs together: names, groups, policies, boundaries."""
    for subject in subjects(account):
        facts(account, subject)


def changes(ledger: list[Entry]) -> Iterator[tuple[Account, Account, Entry]]:
    account = empty(ACCOUNT)
    for entry in ledger:
        if isinstance(entry.event, Change):
            before, account = account, evolve(account, entry)
            assert isinstance(before, Account)
            assert isinstance(account, Account)
            yield before, account, entry


@settings(max_examples=60)
@given(histories(calls_max=30), st.data())
def test_an_account_without_a_lineage_is_whole(ledger: list[Entry], data: DataObject) -> None:
    values = list(changes(ledger))
    altered = settings_of([after for _, after, _ in values])
    begins = data.draw(st.integers(0, len(values)))
    made = set[str]()
    for number, (before, after, entry) in enumerate(values):
        maker = "others" if number < begins else data.draw(st.sampled_from(["lineage", "lineage", "others", "contain"]))
        if maker == "lineage":
            made |= {*subjects(after)} - {*subjects(before)}
        if number < begins:
            continue
        for each in altered:
            writes = next(writes for setting, kind, writes in KINDS if (setting, kind) == (each.setting, each.kind))
            by_lineage = maker == "lineage"
            written = writes(after, each.owner_id, each.subject_id) if by_lineage and writes is not None else {}
            each.advance(
                before, after, entry.at, by_lineage=by_lineage, putting_back=maker == "contain", written=written
            )
        everything_said(without_lineage(after, altered))
        for each in altered:
            if (delta := each.delta(after)) is not None:
                assert is_there(after, each.owner_id)
                list(each.setting.openings(delta))
                everything_said(each.without(after))
        restored = restore(after, altered, frozenset(made), entry.at)
        everything_said(restored.account)


def test_root_s_password_is_put_back() -> None:
    """One that a lineage let root recover lets somebody in, and is deleted; one that it took away is there again."""
    bare = new_account()
    created, deleted = (
        of(user_id=bare.id, user_name=bare.id) for of in (RootLoginProfileCreated, RootLoginProfileDeleted)
    )
    having = created.fold(bare, AT)
    for before, after, opens, undoing in (
        (bare, having, ["lets whoever recovers the password sign in as root"], deleted),
        (having, bare, [], created),
    ):
        altered = AlteredSetting(PASSWORD_SETTING, "password", bare.id, bare.id, bare.id)
        altered.advance(before, after, AT, by_lineage=True, putting_back=False, written={})
        delta = altered.delta(after)
        assert delta is not None
        assert list(PASSWORD_SETTING.openings(delta)) == opens
        restored = restore(after, [altered], frozenset(), AT)
        assert restored.changes == [undoing]
        assert [(told.what, told.refused) for told in restored.told] == [("password of root", None)]


def test_what_hides_a_door_is_taken_back() -> None:
    """Archive rules, archived findings and tags of a lineage go, with what they hid; an analyzer that it deleted is
    there again, as it was."""
    bare, arn = new_account(), "arn:aws:access-analyzer:eu-central-1:123456789012:analyzer/outside"
    rules = [
        ArchiveRuleDefinition(name=name, filter={"isPublic": FilterCriterion(eq=("true",))}) for name in ("old", "new")
    ]
    created = AnalyzerCreated(analyzer_arn=arn, type="ACCOUNT", tags={"team": "ops"}, archive_rules=(rules[0],))
    having = created.fold(bare, AT)
    made: list[list[AnalyzerChange]] = [
        [
            AnalyzerTagged(analyzer_arn=arn, tags={"team": "red", "more": ""}),
            ArchiveRuleCreated(analyzer_arn=arn, rule=rules[1]),
            FindingsUpdated(analyzer_arn=arn, finding_ids=("f",), status="ARCHIVED"),
        ],
        [AnalyzerDeleted(analyzer_arn=arn)],
    ]
    setting = lineage_kind("analyzer")
    assert setting is not None
    assert setting.setting is not None
    for changes_made in made:
        altered, account = AlteredSetting(setting.setting, "analyzer", bare.id, bare.id, arn), having
        for change in changes_made:
            before, account = account, change.fold(account, AT)
            altered.advance(before, account, AT, by_lineage=True, putting_back=False, written={})
        restored = restore(account, [altered], frozenset(), AT)
        analyzer = restored.account[ANALYZERS][arn]
        assert (dict(analyzer.tags), [*analyzer.rules], analyzer.retired) == ({"team": "ops"}, ["old"], ())
        assert not [each for each in analyzer.marks.values() if each.is_archived]
