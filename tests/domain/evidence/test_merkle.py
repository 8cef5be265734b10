"""The tree, beside a second one that is the RFC's text, and every proof that is not one."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Frontier,
    InvalidProof,
    ReadNode,
    consistency_proof,
    frontier,
    hash_leaf,
    inclusion_proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.domain.evidence import naive_tree

SIZE = 70
ENTRIES = [str(number).encode() * (number % 3) for number in range(SIZE)]
ROOTS = [naive_tree.mth(ENTRIES[:size]) for size in range(SIZE + 1)]
sizes = st.integers(1, SIZE)
flips = st.tuples(st.integers(0, 10**6), st.integers(0, 255).filter(bool))


@cache
def node(height: int, index: int) -> bytes:
    return naive_tree.mth(ENTRIES[index << height : (index + 1) << height])


def complete(size: int) -> ReadNode:
    """Nodes of complete subtrees of that tree alone."""

    def read(height: int, index: int) -> bytes:
        assert (index + 1) << height <= size
        return node(height, index)

    return read


def test_the_examples_of_rfc_6962() -> None:
    """Roots of the tree of section 2.1.3, with the inputs that Certificate Transparency's own implementations use."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    grown = Frontier()
    assert grown.root == EMPTY_ROOT
    for text in inputs:
        grown = grown.with_leaves([hash_leaf(bytes.fromhex(text))])
    assert grown.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_tree_that_grows_has_the_roots_of_the_definition() -> None:
    grown = Frontier()
    for size in range(SIZE + 1):
        assert grown.root == ROOTS[size]
        assert grown == frontier(size, complete(size))
        assert root_hash(size, complete(size)) == ROOTS[size]
        assert Frontier.unpack(size, grown.packed) == grown
        grown = grown.with_leaves(hash_leaf(entry) for entry in ENTRIES[size : size + 1])


@given(sizes, st.data())
def test_inclusion(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, complete(size))
    assert proof == naive_tree.path(index, ENTRIES[:size])
    leaf = hash_leaf(ENTRIES[index])
    verify_inclusion(leaf, index, size, proof, ROOTS[size])
    other = data.draw(st.integers(0, SIZE - 1).filter(lambda each: each != index))
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf, other, size, proof, ROOTS[size])
    with pytest.raises(InvalidProof):
        verify_inclusion(hash_leaf(b"other"), index, size, proof, ROOTS[size])
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf, index, size, [*proof, EMPTY_ROOT], ROOTS[size])
    if proof:
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf, index, size, proof[:-1], ROOTS[size])
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf, index, size, flipped(proof, data.draw(flips)), ROOTS[size])


@given(sizes, st.data())
def test_consistency(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(old, new, complete(new))
    assert proof == (naive_tree.proof(old, ENTRIES[:new]) if old else [])
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)
    with pytest.raises(InvalidProof):
        verify_consistency(old, ROOTS[old], new, ROOTS[new], [*proof, EMPTY_ROOT])
    with pytest.raises(InvalidProof):
        verify_consistency(old, hash_leaf(b"fork"), new, ROOTS[new], proof)
    if old:
        with pytest.raises(InvalidProof):
            verify_consistency(old, ROOTS[old], new, hash_leaf(b"fork"), proof)
        with pytest.raises(InvalidProof):
            verify_consistency(new + 1, ROOTS[old], new, ROOTS[new], proof)
    if proof:
        with pytest.raises(InvalidProof):
            verify_consistency(old, ROOTS[old], new, ROOTS[new], proof[1:])
        with pytest.raises(InvalidProof):
            verify_consistency(old, ROOTS[old], new, ROOTS[new], flipped(proof, data.draw(flips)))


def flipped(proof: list[bytes], flip: tuple[int, int]) -> list[bytes]:
    at, bits = flip[0] % (len(proof) * HASH_BYTES), flip[1]
    changed = bytearray(b"".join(proof))
    changed[at] ^= bits
    return [bytes(changed[at : at + HASH_BYTES]) for at in range(0, len(changed), HASH_BYTES)]


@pytest.mark.parametrize(
    ("size", "hashes"), [(-1, ()), (2**63, ()), (1, ()), (2, (EMPTY_ROOT, EMPTY_ROOT)), (1, (b"short",))]
)
def test_no_frontier(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="A tree"):
        Frontier(size, hashes)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0)])
def test_no_leaf(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="none of index"):
        inclusion_proof(index, size, node)
    with pytest.raises(InvalidProof, match="none of this index"):
        verify_inclusion(EMPTY_ROOT, index, size, [], EMPTY_ROOT)


def test_no_growth() -> None:
    with pytest.raises(ValueError, match="grows from 2 to 1"):
        consistency_proof(2, 1, node)


@pytest.mark.parametrize("proof", [[b"short"], [EMPTY_ROOT] * 64])
def test_no_hashes(proof: list[bytes]) -> None:
    with pytest.raises(InvalidProof, match="at most 63 hashes of 32 bytes"):
        verify_inclusion(EMPTY_ROOT, 0, 2, proof, EMPTY_ROOT)
    with pytest.raises(InvalidProof, match="at most 63 hashes of 32 bytes"):
        verify_consistency(1, EMPTY_ROOT, 2, EMPTY_ROOT, proof)
