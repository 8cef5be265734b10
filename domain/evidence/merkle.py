"""Merkle trees as RFC 6962 has them, section 2.1, over SHA-256. RFC 9162 hashes alike and gives the algorithms by which
proofs are checked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
"""Of a tree without leaves."""
SIZE_MAX = 2**63 - 1
"""Of a tree, in leaves."""
PROOF_HASHES_MAX = 63
"""No proof about a tree of at most SIZE_MAX leaves has more."""

ReadNode = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree of that height (0 for a leaf) and that index, among those of its height."""


class InvalidProof(Exception):  # noqa: N818  reads as the verdict that it is
    """The proof does not lead to the root. The message says what was proved of which tree."""


def hash_leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def hash_nodes(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What of a tree is needed to go on: the roots of the complete subtrees that it consists of, the largest first. Of
    n leaves there are as many as n has binary ones."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= SIZE_MAX:
            raise ValueError(f"A tree has 0 to {SIZE_MAX} leaves; got {self.size}.")
        if len(self.hashes) != self.size.bit_count() or any(len(each) != HASH_BYTES for each in self.hashes):
            raise ValueError(
                f"A tree of {self.size} leaves has {self.size.bit_count()} complete subtrees, with {HASH_BYTES} bytes "
                f"each; got {len(self.hashes)}."
            )

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> "Frontier":
        """From what `packed` gave. Raises ValueError."""
        return cls(size, tuple(packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)))

    @property
    def packed(self) -> bytes:
        return b"".join(self.hashes)

    @property
    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        *larger, root = self.hashes
        for left in reversed(larger):
            root = hash_nodes(left, root)
        return root

    def with_leaves(self, leaves: Iterable[bytes]) -> "Frontier":
        """Of the tree with these leaves' hashes behind: two hashes a leaf on the average, with the leaf's own."""
        stack, size = list(self.hashes), self.size
        for leaf in leaves:
            node, left_over = leaf, size
            while left_over & 1:
                node = hash_nodes(stack.pop(), node)
                left_over >>= 1
            stack.append(node)
            size += 1
        return Frontier(size, tuple(stack))


def subtree_hash(start: int, end: int, read: ReadNode) -> bytes:
    """Of the leaves from `start` up to `end`, where no complete subtree begins before `start` and ends behind it."""
    width = end - start
    height = width.bit_length() - 1
    if width == 1 << height and start % width == 0:
        return read(height, start >> height)
    middle = start + _left_width(width)
    return hash_nodes(subtree_hash(start, middle, read), subtree_hash(middle, end, read))


def root_hash(size: int, read: ReadNode) -> bytes:
    return subtree_hash(0, size, read) if size else EMPTY_ROOT


def frontier(size: int, read: ReadNode) -> Frontier:
    """Of the tree of the first `size` leaves."""
    hashes, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            hashes.append(read(height, start >> height))
            start += 1 << height
    return Frontier(size, tuple(hashes))


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """RFC 6962, section 2.1.1, of the leaf of that index, the sibling of the leaf first. Raises ValueError."""
    if not 0 <= index < size <= SIZE_MAX:
        raise ValueError(f"A tree of {size} leaves has none of index {index}.")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return [subtree_hash(*sibling, read) for sibling in reversed(path)]


def consistency_proof(old_size: int, new_size: int, read: ReadNode) -> list[bytes]:
    """RFC 6962, section 2.1.2: that the first `old_size` leaves of the tree are the old one. Raises ValueError."""
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise ValueError(f"No tree grows from {old_size} to {new_size} leaves.")
    if old_size in (0, new_size):
        return []
    path, start, end = [], 0, new_size
    while end != old_size:
        middle = start + _left_width(end - start)
        if old_size <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:  # else the old root itself is where it begins, and the verifier has it
        path.append((start, end))
    return [subtree_hash(*each, read) for each in reversed(path)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162, section 2.1.3.2, of a leaf's hash. Raises InvalidProof."""
    said = f"that entry {index} is in the tree of {size}"
    if not 0 <= index < size <= SIZE_MAX:
        raise InvalidProof(f"A proof {said}: there is none of this index.")
    found = leaf
    for sibling, is_left in _walk_up(said, index, size - 1, proof):
        found = hash_nodes(sibling, found) if is_left else hash_nodes(found, sibling)
    if found != root:
        raise InvalidProof(f"A proof {said} leads to another root than the tree's.")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162, section 2.1.4.2, and for an empty old tree, of which nothing is to be proved. Raises InvalidProof."""
    said = f"that the tree of {new_size} goes on from the one of {old_size}"
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise InvalidProof(f"A proof {said}: no tree shrinks.")
    if old_size in (0, new_size):
        if proof:
            raise InvalidProof(f"A proof {said} is empty; got {len(proof)} hashes.")
        if old_root != (new_root if old_size else EMPTY_ROOT):
            raise InvalidProof(f"A proof {said}: the roots differ.")
        return
    # Of a complete old tree the proof leaves out the root, which the verifier has.
    path = [old_root, *proof] if old_size.bit_count() == 1 else [*proof]
    if not path:
        raise InvalidProof(f"A proof {said} is missing.")
    # The proof begins at the largest complete subtree that ends where the old tree does.
    height = (old_size & -old_size).bit_length() - 1
    old_found = new_found = path[0]
    for each, is_left in _walk_up(said, old_size - 1 >> height, new_size - 1 >> height, path[1:]):
        if is_left:
            old_found = hash_nodes(each, old_found)
        new_found = hash_nodes(each, new_found) if is_left else hash_nodes(new_found, each)
    if old_found != old_root:
        raise InvalidProof(f"A proof {said} leads to another old root.")
    if new_found != new_root:
        raise InvalidProof(f"A proof {said} leads to another new root.")


def _left_width(width: int) -> int:
    """The largest power of two below the width, of two and more."""
    return 1 << (width - 1).bit_length() - 1


def _walk_up(said: str, node: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof from the node up, with whether it is the left one there; `last` is the last node of the same
    height. Raises InvalidProof where there are more or fewer than the tree is high."""
    if len(proof) > PROOF_HASHES_MAX or any(len(each) != HASH_BYTES for each in proof):
        raise InvalidProof(f"A proof {said} has at most {PROOF_HASHES_MAX} hashes of {HASH_BYTES} bytes.")
    for each in proof:
        if last == 0:
            raise InvalidProof(f"A proof {said} has more hashes than the tree is high.")
        is_left = node & 1 == 1 or node == last
        yield each, is_left
        while is_left and not node & 1 and node:
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    if last:
        raise InvalidProof(f"A proof {said} has fewer hashes than the tree is high.")
