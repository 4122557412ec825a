"""The vision domain's part in measuring the essay's claims: nets are fooled, cannot be read, and fail silently.

Needs the extra `claims`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
from PIL import Image
from sklearn.datasets import load_digits

from common.compare import mean_interval, share_left
from common.domain import Domain
from common.evidence import Inputs, Subject
from common.evidence.doubt import auroc, calibration
from common.program import Figure, Plot, Program
from vision import attacks, attribution
from vision.attacks import BRIGHTEST, right
from vision.data import Images
from vision.occlusion import occlusion
from vision.task import SIZE

IMAGES = 64
RANDOM = "random"


def asked(domain: Domain) -> Inputs:
    """Images, as the net gets them."""
    return {"": {"pixels": domain.evaluator.examples(IMAGES).astype(np.uint8)}}


def adversarial(
    subject: Subject, *, images: int, few: int, eps: float, steps: int, restarts: int, queries: int,
    curve: Sequence[float], seed: int,
) -> list[Figure | Plot]:  # fmt: skip
    """Accuracy under attack: of the net, FGSM and PGD on it; of the others, its PGD images; of all, Square.

    Args:
        images: of the referee's, that gradients attack.
        few: of these, that Square attacks, and of which the curve is.
        eps: largest change of a pixel, of its range (of which whole levels are used).
        steps, restarts: of PGD.
        queries: of Square.
        curve: eps of its points beside 0.
        seed: of all random starts and squares.
    """
    if few > images:
        raise ValueError(f"adversarial.few: given {few}, wanted at most images, {images}")
    pl.seed_everything(seed, verbose=False)
    whole, part = _images(subject, images), _images(subject, few)
    net, levels = _net(subject), _levels(eps)
    away = attacks.pgd(net, whole, levels=levels, steps=steps, restarts=restarts)
    spoilt = {0.0: part.pixels}
    spoilt |= {e: attacks.pgd(net, part, levels=_levels(e), steps=steps, restarts=1) for e in curve}
    found: list[Figure | Plot] = []
    for name, program in subject.programs.items():
        learned = name == subject.learned
        attacked = {"fgsm": attacks.fgsm(net, whole, levels=levels), "pgd": away} if learned else {"transfer": away}
        attacked["square"] = attacks.square(program, part, levels=levels, queries=queries)
        figures = under_attack(program, whole, attacked)
        points = [float(right(program, Images(pixels, part.labels)).mean()) for pixels in spoilt.values()]
        data = {"x": list(spoilt), "y": points, "x_label": "eps, of the pixels' range", "y_label": "accuracy"}
        found += subject.of(name, [*figures, Plot("accuracy on the net's PGD images", "curve", data)])
    return found


def under_attack(program: Program, images: Images, attacked: Mapping[str, np.ndarray]) -> list[Figure]:
    """Accuracies as the images are and under each attack, and what share of it the strongest leaves.

    `gradients_masked` is 1 where PGD fools the program less than a weaker attack does on the same images (Athalye et
    al. 2018, section 3.1): then its gradients are of no use, and PGD says nothing of what it withstands.

    Args:
        attacked: uint8, by attack: the images from the first on, changed.
    """
    clean = right(program, images)
    still = {name: right(program, Images(x, images.labels[: len(x)])) for name, x in attacked.items()}
    figures = [Figure("accuracy", *mean_interval(clean))]
    figures += [Figure(f"accuracy/{name}", *mean_interval(mask)) for name, mask in still.items()]
    kept = min(share_left(mask, clean[: len(mask)], paired=True) for mask in still.values())
    figures.append(Figure("kept_under_attack", *kept))
    if "pgd" in still:
        masked = any(still["pgd"][: len(mask)].mean() > mask.mean() for mask in still.values())
        figures.append(Figure("gradients_masked", float(masked)))
    return figures


def opacity(subject: Subject, *, images: int, steps: int, gradient_steps: int, seed: int) -> list[Figure | Plot]:
    """Areas under the deletion and insertion curves of each program's maps, and of random ones.

    `explained` is by how much the best map's deletion curve lies below the random one's, as a share of it.

    Args:
        images: of the referee's.
        steps: in which all pixels go or come.
        gradient_steps: from a black image to each, of integrated gradients.
        seed: of the random maps.
    """
    pixels = _images(subject, images).pixels
    found: list[Figure | Plot] = []
    for name, program in subject.programs.items():
        maps = {"occlusion": np.stack([occlusion(program, image) for image in pixels])}
        if name == subject.learned:
            maps["integrated_gradients"] = attribution.integrated_gradients(_net(subject), pixels, steps=gradient_steps)
        maps[RANDOM] = np.random.default_rng(seed).random(pixels.shape)
        curves = {of: attribution.curves(program, pixels, m, steps=steps) for of, m in maps.items()}
        found += subject.of(name, explained(curves))
    return found


def explained(curves: Mapping[str, attribution.Curves]) -> list[Figure | Plot]:
    """`explained`, the areas and the mean curves, of the maps of one program, by name."""
    areas = {
        f"{kind}_auc/{of}": attribution.areas(p) for of, both in curves.items() for kind, p in both._asdict().items()
    }
    deletion = {of: areas[f"deletion_auc/{of}"].mean() for of in curves}
    best = min(value for of, value in deletion.items() if of != RANDOM)
    found: list[Figure | Plot] = [Figure("explained", float(1 - best / deletion[RANDOM]))]
    found += [Figure(metric, *mean_interval(values)) for metric, values in areas.items()]
    for of, both in curves.items():
        for kind, p in both._asdict().items():
            data = {"x": np.linspace(0, 1, p.shape[1]).tolist(), "y": p.mean(0).tolist()}
            labels = {"x_label": f"share of pixels, {of} map", "y_label": "probability of the answer"}
            found.append(Plot(f"{kind}, {of}", "curve", data | labels))
    return found


def silence(subject: Subject, *, noise: int, seed: int) -> list[Figure | Plot]:
    """How sure each program is of what it knows, of handwritten digits and of noise; and whether that tells them apart.

    Args:
        noise: images of uniform noise.
        seed: of it.
    """
    strange = {
        "digits": digits(),
        "noise": np.random.default_rng(seed).integers(0, BRIGHTEST + 1, (noise, SIZE, SIZE)).astype(np.uint8),
    }
    found: list[Figure | Plot] = []
    for name, program in subject.programs.items():
        found += subject.of(name, sureness(program, subject.domain.evaluator.images, strange))  # type: ignore[attr-defined]
    return found


def sureness(program: Program, images: Images, strange: Mapping[str, np.ndarray]) -> list[Figure]:
    """`confidence`, the largest probability, on the mean where the answer is right, and of each kind of strange images;
    `auroc`, the chance that it is larger for a test image than for a strange one, of each kind and the lowest.

    Hendrycks and Gimpel 2017 (arXiv 1610.02136), section 3.
    """
    p = np.asarray(program(images.pixels), np.float64)
    known, unknown = p.max(1), {kind: np.asarray(program(x), np.float64).max(1) for kind, x in strange.items()}
    told = {kind: auroc(-known, -sure) for kind, sure in unknown.items()}
    return [
        Figure("auroc", *min(told.values())),
        *(Figure(f"auroc/{kind}", *value) for kind, value in told.items()),
        Figure("confidence", *mean_interval(known[p.argmax(1) == images.labels])),
        *(Figure(f"confidence/{kind}", *mean_interval(sure)) for kind, sure in unknown.items()),
        Figure("calibration_error", calibration(p, images.labels)["error"]),
    ]


def digits() -> np.ndarray:
    """uint8 (1797, 28, 28): scikit-learn's handwritten digits (UCI; 8x8, 0 to 16), enlarged and made brighter."""
    small = (load_digits().images * (BRIGHTEST / 16)).astype(np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for image in small]
    )


def _images(subject: Subject, n: int) -> Images:
    referee: Any = subject.domain.evaluator
    return Images(referee.images.pixels[:n], referee.images.labels[:n])


def _net(subject: Subject) -> Any:
    return subject.programs[subject.learned]


def _levels(eps: float) -> int:
    return int(eps * BRIGHTEST + 1e-9)  # 0.2 is 51, whatever the rounding
