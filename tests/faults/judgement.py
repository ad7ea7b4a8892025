"""What a round came to: how much there was of everything, how long each part took to come to rest, what was found."""

from dataclasses import dataclass, field

from tests.faults.recovery import CLAIMED
from tests.faults.town import Town
from tests.faults.wishing import KINDS
from tests.whole import head, history


@dataclass
class Judgement:
    """What one round came to."""

    fault: str
    seed: int
    # At which phase of a training each fault began, and the last event of that training then.
    phases: list[str] = field(default_factory=list)
    events: int = 0
    wishes: int = 0
    lost_answers: int = 0
    reads: int = 0
    letters: int = 0
    attempts: int = 0
    # Of which there must be one in each round.
    kinds: dict[str, int] = field(default_factory=dict)
    # What a member was answered while the organization was closed.
    shut_out: int = 0
    # After the loss of a worker, beside the bare framework's start.
    recovered: dict[str, float] = field(default_factory=dict)
    settled: dict[str, float] = field(default_factory=dict)
    # Without that the house is no place for another round.
    rested: bool = False
    found: list[str] = field(default_factory=list)

    def words(self) -> str:
        took = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in (self.recovered | self.settled).items())
        kinds = ", ".join(f"{count} × {kind}" for kind, count in self.kinds.items())
        counts = (
            f"{self.events} events, {self.wishes} commands ({kinds}), {self.lost_answers} answers lost, "
            f"{self.reads} reads, {self.shut_out} refused as closed, {self.letters} letters, {self.attempts} attempts"
        )
        return "\n  ".join(
            [
                f"{self.fault} (seed {self.seed}), {'; '.join(self.phases)}: {counts}; {took}",
                *(self.found or ["all holds"]),
            ]
        )


@dataclass(frozen=True)
class Counts:
    events: int
    wishes: int
    lost: int
    reads: int
    letters: int
    claims: int
    shut_out: int

    @classmethod
    def of(cls, town: Town) -> "Counts":
        record = town.record
        lost = sum(wish.lost for wish in record.wishes)
        claims = sum(
            event.topic == CLAIMED for each in town.trainings.followed for event in history(town.house.direct, each.job)
        )
        return cls(
            head(town.house.direct),
            len(record.wishes),
            lost,
            record.read,
            town.post.letters().total(),
            claims,
            record.shut_out,
        )

    def since(self, town: Town, judgement: Judgement) -> None:
        now = Counts.of(town)
        judgement.events, judgement.wishes = now.events - self.events, now.wishes - self.wishes
        judgement.lost_answers, judgement.reads = now.lost - self.lost, now.reads - self.reads
        judgement.letters = now.letters - self.letters
        judgement.attempts, judgement.shut_out = now.claims - self.claims, now.shut_out - self.shut_out
        judgement.kinds = dict(town.record.kinds_of_this_round())

    def has_each_kind(self, town: Town) -> bool:
        return town.record.kinds_of_this_round().keys() >= KINDS.keys() and town.record.shut_out > self.shut_out
