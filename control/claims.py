"""The control domain's part in measuring the essay's claims."""

from typing import Any

from common.domain import Domain
from common.evidence import Inputs
from control.inference import as_planes

POSITIONS = 64  # as many as a batch of the search's


def asked(domain: Domain) -> Inputs:
    """Positions, as the net gets them."""
    module: Any = domain.module
    return {"": {"planes": as_planes(module.rules.game, domain.evaluator.examples(POSITIONS)).numpy().copy()}}
