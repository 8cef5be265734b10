"""That some entries are all that a log has between two positions: the tree before them, grown by them, has to be the
one from which the log goes on (RFC 9162, section 2.1.4)."""

from collections.abc import Sequence

from domain.evidence.merkle import Frontier, InvalidProof, hash_leaf, verify_consistency


def verify_range(before: Frontier, entries: Sequence[bytes], proof: Sequence[bytes], size: int, root: bytes) -> None:
    """That the entries stand in the tree from the index `before.size` on, with none between them; `proof` is the
    consistency proof from the tree at the last of them. Raises InvalidProof."""
    if not entries:
        raise InvalidProof("A proof of a range without entries proves nothing.")
    grown = before.with_leaves(map(hash_leaf, entries))
    verify_consistency(grown.size, grown.root, size, root, proof)
