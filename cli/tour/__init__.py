"""The six steps of the demo, one file each; what they share is a Tour."""

from dataclasses import dataclass
from pathlib import Path

from cli.client import Api
from cli.platform import Platform
from cli.stage import Stage
from cli.wishes import Wishes


@dataclass(frozen=True)
class Tour:
    stage: Stage
    platform: Platform
    api: Api
    work: Path
    wishes: Wishes
