"""Dealing images to sides by rank: what belongs together stays together, each side gets its share of every class.

The order is that of iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label
Data", 2011): the rarest class first, each of its images to the side that lacks it most. Added here: a side that has
nothing yet of a class comes first while there are no more images of it than such sides, and a side that has a hundredth
more than its share of all images gets none, so that many classes in one image do not distort the ratios.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Side = TypeVar("Side", bound=str)


@dataclass
class Unit:
    """Images that must stand on one side, and which classes (or none) they bear."""

    rank: bytes
    paths: list[str] = field(default_factory=list)
    labels: Counter[int] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        return len(self.paths)


def rank(seed: int, sha256: str) -> bytes:
    return hashlib.sha256(f"{seed}/{sha256}".encode()).digest()


class Together:
    """Which keys belong together (union-find)."""

    def __init__(self) -> None:
        self.parents: dict[str, str] = {}

    def find(self, key: str) -> str:
        while (parent := self.parents.setdefault(key, key)) != key:
            self.parents[key] = key = self.parents[parent]
        return key

    def join(self, a: str, b: str) -> None:
        self.parents[self.find(a)] = self.find(b)


class Deal(Generic[Side]):
    """One deal of units to sides, each with its share; the shares are above zero and sum to one."""

    def __init__(self, units: Iterable[Unit], shares: dict[Side, float]) -> None:
        self.units = sorted(units, key=lambda unit: (-unit.size, unit.rank))
        self.shares = shares
        self.place: list[Side | None] = [None] * len(self.units)
        self.members: dict[int, list[int]] = defaultdict(list)
        for number, unit in enumerate(self.units):
            for label in unit.labels:
                self.members[label].append(number)
        self.left = Counter({label: len(numbers) for label, numbers in self.members.items()})
        self.held: dict[Side, Counter[int]] = {side: Counter() for side in shares}
        total = sum(unit.size for unit in self.units)
        self.need: dict[Side, float] = dict(whole_shares(total, shares))
        borne = Counter[int]()
        for unit in self.units:
            borne.update(unit.labels)
        self.slack = 1 + total // 100
        self.need_of = {
            side: Counter({label: share * n for label, n in borne.items()}) for side, share in shares.items()
        }

    def at_random(self) -> dict[Side, list[str]]:
        for number in range(len(self.units)):
            self._put(number, max(self.shares, key=self.need.__getitem__))
        return self._sides()

    def stratified(self) -> dict[Side, list[str]]:
        while self.left:
            label = min(self.left, key=lambda label: (self.left[label], label))
            for number in self.members[label]:
                if self.place[number] is None:
                    self._put(number, self._neediest(label))
            del self.left[label]
        self._mend()
        return self._sides()

    def _neediest(self, label: int) -> Side:
        bare = [side for side in self.shares if not self.held[side][label]]
        open_ = [side for side in self.shares if self.need[side] > -self.slack]
        sides = bare if self.left[label] <= len(bare) else open_
        return max(sides, key=lambda side: (self.need_of[side][label], self.need[side]))

    def _put(self, number: int, side: Side, sign: int = 1) -> None:
        unit = self.units[number]
        self.place[number] = side
        self.need[side] -= sign * unit.size
        for label, images in unit.labels.items():
            self.held[side][label] += sign
            self.need_of[side][label] -= sign * images
            self.left[label] -= sign

    def _mend(self) -> None:
        """Give a side without a class one unit of it, where that leaves no other side without one of the unit's."""
        for label, members in sorted(self.members.items(), key=lambda item: (len(item[1]), item[0])):
            for side in self.shares:
                if not self.held[side][label] and (number := self._spare(members)) is not None:
                    self._put(number, self._place(number), sign=-1)
                    self._put(number, side)

    def _spare(self, members: Iterable[int]) -> int | None:
        def is_spare(number: int) -> bool:
            held = self.held[self._place(number)]
            return all(held[label] > 1 for label in self.units[number].labels)

        return next(filter(is_spare, members), None)

    def _place(self, number: int) -> Side:
        side = self.place[number]
        assert side is not None
        return side

    def _sides(self) -> dict[Side, list[str]]:
        sides: dict[Side, list[str]] = {side: [] for side in self.shares}
        for number, unit in enumerate(self.units):
            sides[self._place(number)] += unit.paths
        return sides


def whole_shares(total: int, shares: dict[Side, float]) -> dict[Side, int]:
    """The shares in whole images: largest remainders, and at least one for each side while there are enough."""
    whole = {side: int(share * total) for side, share in shares.items()}
    for side in sorted(shares, key=lambda side: whole[side] - shares[side] * total)[: total - sum(whole.values())]:
        whole[side] += 1
    for side in shares:
        if not whole[side] and total >= len(shares):
            whole[max(shares, key=whole.__getitem__)] -= 1
            whole[side] = 1
    return whole
