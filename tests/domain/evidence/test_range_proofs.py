"""A range of entries: nothing may be changed, left out, added or moved in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.merkle import Frontier, InvalidProof, consistency_proof, frontier
from domain.evidence.range_proofs import verify_range
from tests.domain.evidence.test_merkle import ENTRIES, ROOTS, complete, sizes


@given(sizes, st.data())
def test_ranges(size: int, data: st.DataObject) -> None:
    end = data.draw(st.integers(1, size))
    start = data.draw(st.integers(0, end - 1))
    read = complete(size)
    before, proof, entries = frontier(start, read), consistency_proof(end, size, read), ENTRIES[start:end]
    verify_range(before, entries, proof, size, ROOTS[size])
    at = data.draw(st.integers(0, len(entries) - 1))
    changed = [*entries[:at], entries[at] + b"!", *entries[at + 1 :]]
    fewer, more = entries[:at] + entries[at + 1 :], [*entries[:at], b"more", *entries[at:]]
    for other in (changed, fewer, more):
        with pytest.raises(InvalidProof):
            verify_range(before, other, proof, size, ROOTS[size])
    if start:
        with pytest.raises(InvalidProof):
            verify_range(Frontier(), entries, proof, size, ROOTS[size])
    with pytest.raises(InvalidProof):
        verify_range(before, entries, proof, size, ROOTS[size - 1])
