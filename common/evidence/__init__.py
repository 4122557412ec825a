"""What is asked of a domain's shipped programs beside its own referee's questions: the experiments behind docs/claims.

An experiment is a function of a Subject that gives Figures and Plots. The configs name them under `evidence`: those
that know no domain stand here, the others in the domain's claims.py. `python -m scripts.claims` runs them.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from common.program import Evaluator, Figure, Plot, Program

if TYPE_CHECKING:  # whoever measures a program's memory imports nothing that the program does not need
    from common.domain import Domain
    from common.package import Package
    from common.portable import Graph

Inputs = Mapping[str, Mapping[str, np.ndarray]]  # of each graph of a net, by its name: {"": {"pixels": (N, 28, 28)}}


@dataclass(frozen=True)
class Subject:
    """A domain, its data set up, and its shipped programs.

    Args:
        domain: with the package's net.
        asked: what the net's graphs are really asked, of the domain and some of its problems.
        programs: the learned one first.
        referee: makes the domain's with these settings changed, such as one of few problems that is asked often.
    """

    domain: "Domain"
    package: "Package"
    asked: "Callable[[Domain], Inputs]"
    programs: Mapping[str, Program]
    referee: Callable[..., Evaluator]

    @property
    def learned(self) -> str:
        return self.domain.module.name

    @cached_property
    def inputs(self) -> Inputs:
        """What each graph is asked."""
        return self.asked(self.domain)

    @cached_property
    def graphs(self) -> "Mapping[str, Graph]":
        """Of a copy of the averaged net."""
        module = self.domain.module
        return module.graphs(copy.deepcopy(module.averaged.module).eval().cpu())

    def of(self, name: str, found: Iterable[Figure | Plot]) -> list[Figure | Plot]:
        """These, as they are said of one of the programs; whatever is no baseline is learned."""
        kind: Any = "baseline" if name in self.domain.baselines else "learned"
        return told_of(name, kind, found)


def told_of(program: str, kind: Any, found: Iterable[Figure | Plot]) -> list[Figure | Plot]:
    """These, with the program that they are of."""
    return [
        replace(item, program=program, kind=kind) if isinstance(item, Figure) else replace(item, program=program)
        for item in found
    ]


@dataclass(frozen=True)
class Source:
    """Of an experiment that only reads results: the `run` that they are of, whose machine and commit are its own."""

    run: Mapping[str, Any]


Found = Figure | Plot | Source
Experiment = Callable[[Subject], Sequence[Found]]
