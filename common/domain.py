"""THE contract: the four things that make a domain. Its YAML in configs/domain/ instantiates exactly this."""

from collections.abc import Mapping
from dataclasses import dataclass

from pytorch_lightning import LightningDataModule

from common.module import Module
from common.program import Baseline, Evaluator


@dataclass(frozen=True)
class Domain:
    """One task, written twice.

    Args:
        data: the train and validation splits: the source code of the 2.0 program.
        module: the architecture, its loss, and how the trained net becomes a Program.
        baselines: the hand-written programs by name; the first is the one that the headline compares with.
        evaluator: the referee; it alone owns the test split.
    """

    data: LightningDataModule
    module: Module
    baselines: Mapping[str, Baseline]
    evaluator: Evaluator

    def __post_init__(self) -> None:
        for name, wanted in (("data", LightningDataModule), ("module", Module), ("evaluator", Evaluator)):
            given = getattr(self, name)
            if not isinstance(given, wanted):
                raise ValueError(f"domain.{name}: given {type(given).__name__}, wanted a {wanted.__name__}")
        for name, baseline in self.baselines.items():
            if not isinstance(baseline, Baseline):
                raise ValueError(f"domain.baselines.{name}: given {type(baseline).__name__}, wanted a Baseline")
        if self.module.name in self.baselines:
            raise ValueError(f"domain.baselines: {self.module.name!r} is the learned program's name, wanted another")
