"""The vision domain's part in measuring the essay's claims."""

import numpy as np

from common.domain import Domain
from common.evidence import Inputs

IMAGES = 64


def asked(domain: Domain) -> Inputs:
    """Images, as the net gets them."""
    return {"": {"pixels": domain.evaluator.examples(IMAGES).astype(np.uint8)}}
