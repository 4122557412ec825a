"""What is asked of vision's programs for docs/claims: attacks, maps and confidences of known outcome."""

from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from captum.attr import Occlusion
from torch import nn

from common.evidence import Subject
from common.program import Figure
from tests import shipped
from vision import attacks, attribution, claims
from vision.data import Images, read
from vision.module import LearnedClassifier
from vision.net import ResNet
from vision.occlusion import PATCH, STRIDE, occlusion

LEVELS = 10
EPS = {"images": 20, "few": 10, "eps": 0.1, "steps": 4, "restarts": 2, "queries": 5, "curve": [0.05], "seed": 0}


class Linear(nn.Module):
    """Two classes that matter: `weights @ pixels + bias` against 0, the others far below."""

    def __init__(self, weights: np.ndarray, bias: float) -> None:
        super().__init__()
        self.weights, self.bias = torch.tensor(weights, dtype=torch.float32), bias

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        score = (pixels.float() * self.weights).sum((1, 2)) + self.bias
        return torch.stack([score, 0 * score, *[0 * score - 50] * 8], 1)


class Corner:
    """Looks at four pixels only: sure of class 3 in so far as they are lit, else of class 7."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        lit = images[:, 10:12, 10:12].mean((1, 2)) / 255
        p = np.zeros((len(images), 10))
        p[:, 3], p[:, 7] = lit, 1 - lit
        return p


@pytest.fixture
def linear() -> tuple[LearnedClassifier, Images, np.ndarray]:
    """A linear program, images at which it is right by various margins, and these: the weights' sum, times the levels
    by which all pixels must change before it is wrong."""
    rng = np.random.default_rng(0)
    weights = rng.choice([-1.0, 1.0], (28, 28)) * 1e-3
    pixels = rng.integers(60, 190, (40, 28, 28)).astype(np.uint8)  # far from black and white: nothing is cut off
    scores = (pixels * weights).sum((1, 2))
    bias = -float(np.median(scores))
    program = LearnedClassifier(net=Linear(weights, bias), flip_tta=False, temperature=1.0, bf16=False)
    return program, Images(pixels, (scores + bias < 0).astype(np.int64)), (scores + bias) / np.abs(weights).sum()


@pytest.fixture
def tiny() -> tuple[LearnedClassifier, Images]:
    pl.seed_everything(0, verbose=False)  # ART's squares too
    program = LearnedClassifier(net=ResNet(widths=[4, 8], blocks=1).eval(), flip_tta=True, temperature=0.5, bf16=False)
    pixels = read("val", limit=20).pixels
    return program, Images(pixels, program(pixels).argmax(1))


@pytest.fixture
def subject(config) -> Subject:  # type: ignore[no-untyped-def]
    """The shipped package, on few images."""
    return shipped.subject(config, "vision", "domain.evaluator.limit=20")


def test_fgsm_on_a_linear_program_is_the_sign_of_its_weights(linear) -> None:  # type: ignore[no-untyped-def]
    program, images, _ = linear
    assert attacks.right(program, images).all()
    found = attacks.fgsm(program, images, levels=LEVELS)
    towards = np.where(images.labels == 0, -1, 1)[:, None, None]
    change = found.astype(int) - images.pixels
    np.testing.assert_array_equal(change, LEVELS * towards * np.sign(program.net.weights.numpy()))


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_accuracy_of_a_linear_program_is_its_margins(attack: str, linear) -> None:  # type: ignore[no-untyped-def]
    program, images, margins = linear
    levels = 2
    more = {"steps": 20, "restarts": 2} if attack == "pgd" else {}
    found = getattr(attacks, attack)(program, images, levels=levels, **more)
    withstands = np.abs(margins) > levels
    assert 0 < withstands.sum() < len(withstands)
    np.testing.assert_array_equal(attacks.right(program, Images(found, images.labels)), withstands)


def test_attacks_stay_within_and_pgd_is_no_weaker_than_fgsm(tiny) -> None:  # type: ignore[no-untyped-def]
    program, images = tiny
    found = {
        "fgsm": attacks.fgsm(program, images, levels=LEVELS),
        "pgd": attacks.pgd(program, images, levels=LEVELS, steps=10, restarts=2),
        "square": attacks.square(program, images, levels=LEVELS, queries=15),
    }
    still = {}
    for name, pixels in found.items():
        assert pixels.dtype == np.uint8
        assert 0 < np.abs(pixels.astype(int) - images.pixels).max() <= LEVELS, name
        still[name] = attacks.right(program, Images(pixels, images.labels)).mean()
    assert still["pgd"] <= min(still["fgsm"], still["square"])
    assert still["pgd"] < 1


def test_square_asks_of_an_image_once(tiny) -> None:  # type: ignore[no-untyped-def]
    program, images = tiny
    asked: list[bytes] = []

    def counted(pixels: np.ndarray) -> np.ndarray:
        asked.extend(image.tobytes() for image in pixels)
        return program(pixels)

    attacks.square(counted, images, levels=LEVELS, queries=15)
    assert len(images.labels) < len(asked) == len(set(asked))


def test_gradients_go_through_the_whole_answer(tiny) -> None:  # type: ignore[no-untyped-def]
    program, images = tiny
    with torch.no_grad():
        said = attacks.Answer(program)(torch.tensor(images.pixels)).exp()
    np.testing.assert_allclose(said.numpy(), program(images.pixels), atol=1e-5)


def test_masked_gradients_are_seen() -> None:
    images = Images(np.zeros((4, 28, 28), np.uint8), np.full(4, 7))
    lit = np.full((4, 28, 28), 255, np.uint8)
    figures = claims.under_attack(
        Corner(), images, {"pgd": images.pixels, "fgsm": np.where(np.arange(4) < 2, lit.T, 0).T}
    )
    assert {f.metric: f.value for f in figures} == {
        "accuracy": 1, "accuracy/pgd": 1, "accuracy/fgsm": 0.5, "kept_under_attack": 0.5, "gradients_masked": 1,
    }  # fmt: skip


def test_occlusion_is_that_of_captum(tiny) -> None:  # type: ignore[no-untyped-def]
    program, images = tiny
    answer = attacks.Answer(program)
    theirs = Occlusion(lambda x: answer(x).exp()).attribute(
        torch.tensor(images.pixels[:1]).float(), sliding_window_shapes=(PATCH, PATCH), strides=(STRIDE, STRIDE),
        target=int(images.labels[0]),
    )  # fmt: skip
    np.testing.assert_allclose(occlusion(program, images.pixels[0]), theirs[0].detach().numpy(), atol=1e-5)


def test_integrated_gradients_of_a_linear_score_add_up(linear) -> None:  # type: ignore[no-untyped-def]
    """Completeness: all shares together are the probability beyond that of a black image."""
    program, images, _ = linear
    found = attribution.integrated_gradients(program, images.pixels, steps=200)
    p, black = program(images.pixels), program(np.zeros((1, 28, 28), np.uint8))
    answers = p.argmax(1)
    np.testing.assert_allclose(found.sum((1, 2)), p.max(1) - black[0, answers], atol=0.01)


def test_a_map_of_what_a_program_looks_at_explains_it() -> None:
    program, pixels = Corner(), np.full((5, 28, 28), 255, np.uint8)
    seen = np.stack([occlusion(program, image) for image in pixels])
    maps = {"occlusion": seen, "random": np.random.default_rng(0).random(pixels.shape)}
    curves = {name: attribution.curves(program, pixels, m, steps=28) for name, m in maps.items()}
    assert (curves["occlusion"].deletion[:, 0] == 1).all()
    assert (curves["occlusion"].deletion[:, 1:] == 0).all(), "falls at once"
    assert (curves["occlusion"].insertion[:, 1:] == 1).all()
    figures = {f.metric: f.value for f in claims.explained(curves) if isinstance(f, Figure)}
    assert figures["deletion_auc/occlusion"] == pytest.approx(0.5 / 28)
    assert figures["deletion_auc/random"] == pytest.approx(0.5, abs=0.15)
    assert figures["explained"] > 0.9


def test_a_map_that_is_random_explains_nothing() -> None:
    pixels = np.full((50, 28, 28), 255, np.uint8)
    rng = np.random.default_rng(0)
    maps = {"occlusion": rng.random(pixels.shape), "random": rng.random(pixels.shape)}
    curves = {name: attribution.curves(Corner(), pixels, m, steps=28) for name, m in maps.items()}
    found: Any = claims.explained(curves)[0]
    assert found.value == pytest.approx(0, abs=0.15)


def test_strange_images_are_told_by_a_program_that_is_unsure_of_them_only() -> None:
    known = Images(np.full((30, 28, 28), 255, np.uint8), np.full(30, 3))
    strange = {"half": np.full((20, 28, 28), 128, np.uint8), "black": np.zeros((20, 28, 28), np.uint8)}
    figures = {f.metric: f.value for f in claims.sureness(Corner(), known, strange)}
    assert figures["auroc/half"] == 1
    assert figures["auroc/black"] == figures["auroc"] == 0.5, "always sure"
    assert figures["confidence"] == figures["confidence/black"] == 1
    assert figures["confidence/half"] == pytest.approx(128 / 255)
    assert figures["calibration_error"] == 0


def test_digits_are_images() -> None:
    found = claims.digits()
    assert found.shape == (1797, 28, 28)
    assert found.dtype == np.uint8
    assert found.max() == 255


@pytest.mark.parametrize(
    ("experiment", "settings", "wanted"),
    [
        ("adversarial", EPS, {"accuracy/square", "kept_under_attack"}),
        ("opacity", {"images": 2, "steps": 7, "gradient_steps": 8, "seed": 0}, {"explained", "deletion_auc/random"}),
        ("silence", {"noise": 20, "seed": 0}, {"auroc", "confidence/digits", "auroc/noise"}),
    ],
)
def test_every_shipped_program_is_asked(
    experiment: str, settings: dict[str, Any], wanted: set[str], subject: Subject, config
) -> None:  # type: ignore[no-untyped-def]
    assert config("domain=vision").evidence[experiment].keys() == {"_target_", "_partial_", *settings}
    found = getattr(claims, experiment)(subject, **settings)
    figures = [f for f in found if isinstance(f, Figure)]
    for name in subject.programs:
        of = {f.metric for f in figures if f.program == name}
        assert wanted <= of, name
        assert ("accuracy/pgd" in of) == (experiment == "adversarial" and name == subject.learned)
    assert all(0 <= f.value <= 1 for f in figures if f.metric != "explained")
