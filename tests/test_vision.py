"""Vision: both programs against oracles, the referee, and what they refuse."""

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from tests.conftest import ROOT
from tests.fashion import data
from vision import data as vision_data
from vision.baseline import GRIDS, ORIENTATIONS, HogKernelMachine, Kernel, SilhouetteRules, describe, mirrored
from vision.data import read
from vision.evaluate import Referee
from vision.hog import features
from vision.module import LearnedClassifier, best_temperature
from vision.net import ConvNet, ResNet, normalise
from vision.task import CLASSES


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return read("train", limit=300).pixels


def machine_of(**changed: float) -> HogKernelMachine:
    """The kernel machine of the YAML, but for what is changed."""
    cfg = OmegaConf.load(ROOT / "configs" / "domain" / "vision.yaml").domain.baselines.hog_svm
    return HogKernelMachine(**{k: v for k, v in cfg.items() if k != "_target_"} | changed)


# 1.0


def test_the_kernel_machine_is_kernel_ridge_regression() -> None:
    """With every training image a landmark, the subset is the whole: the closed form, computed another way."""
    few = data(limit=200)
    machine = machine_of(landmarks=200, components=60, ridge=1e-3, temperature=1.0)
    program = machine.build(few)
    projection, kernel = program._single
    sides = [(describe(s) - program.mean) @ projection for s in (few.train.pixels, mirrored(few.train.pixels))]
    back = np.argsort(np.random.default_rng(0).permutation(200))
    k = kernel(sides)[:, back].astype(np.float64)
    expected = k @ np.linalg.solve(k + 1e-3 * 200 * np.eye(200), 2 * np.eye(10)[few.train.labels] - 1)
    found = np.log(program(few.train.pixels))
    np.testing.assert_allclose(found - found.mean(1)[:, None], expected - expected.mean(1)[:, None], atol=0.01)


def test_the_kernel_is_gaussian_and_blind_to_mirroring() -> None:
    rng = np.random.default_rng(0)
    landmarks, a, b = (rng.normal(size=shape).astype(np.float32) for shape in ((7, 5), (4, 5), (4, 5)))
    kernel = Kernel(landmarks, 0.3)
    slow = [[np.exp(-0.3 * ((x - m) ** 2).sum()) for m in landmarks] for x in a]
    np.testing.assert_allclose(kernel([a]), slow, rtol=1e-4)
    np.testing.assert_allclose(kernel([a, b]), (kernel([a]) + kernel([b])) / 2, rtol=1e-6)


def test_the_kernel_machine_learns_is_small_and_sees_mirror_images_alike() -> None:
    few = data(limit=3000)
    program = machine_of(landmarks=500).build(few)
    val = read("val", limit=1000)
    p = program(val.pixels)
    assert (p.argmax(1) == val.labels).mean() > 0.85
    assert p.argmax(1).tolist() == program(mirrored(val.pixels)).argmax(1).tolist()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)


def test_the_full_kernel_machine_fits_in_eight_megabytes(config) -> None:  # type: ignore[no-untyped-def]
    settings = config("experiment=vision_full").domain.baselines.hog_svm
    width = features(GRIDS, ORIENTATIONS) + 14 * 14
    halves = 2 * (width * settings.components + settings.landmarks * settings.components)
    assert halves + 4 * (settings.landmarks * 10 + width) <= 8e6


def test_rules_know_plain_shapes() -> None:
    shapes = np.zeros((3, 28, 28), np.uint8)
    shapes[0, :, 8:13] = shapes[0, :, 15:20] = shapes[0, :8, 8:20] = 200  # two legs
    shapes[1, 14:26, 0:28] = 180  # low and wide
    shapes[2, 6:27, 0:28] = 180  # a box
    answers = SilhouetteRules()(shapes)
    assert [CLASSES[i] for i in answers.argmax(1)] == ["trouser", "sneaker", "bag"]
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-6)


def test_rules_are_right_two_times_in_three_and_survive_an_empty_image() -> None:
    val = read("val")
    assert (SilhouetteRules()(val.pixels).argmax(1) == val.labels).mean() > 0.67
    assert np.isfinite(SilhouetteRules()(np.zeros((1, 28, 28), np.uint8))).all()


# 2.0


def test_whitened_patches_have_unit_covariance(images: np.ndarray) -> None:
    net = ConvNet(widths=[8, 8, 8], convolutions=2, norm_momentum=0.4, logit_scale=0.1)
    pixels = torch.tensor(images)
    net.whiten(pixels, eps=0.0)
    with torch.inference_mode():
        out = nn.functional.conv2d(normalise(pixels), net.whitening.weight)
    values = out[:, :4].transpose(0, 1).flatten(1)
    torch.testing.assert_close(values @ values.T / values.shape[1], torch.eye(4), atol=0.01, rtol=0)
    torch.testing.assert_close(out[:, 4:], -out[:, :4])


def test_convolutions_begin_as_the_identity() -> None:
    net = ConvNet(widths=[8, 16, 16], convolutions=2, norm_momentum=0.4, logit_scale=0.1)
    x = torch.randn(2, 8, 6, 6)
    with torch.inference_mode():
        torch.testing.assert_close(net.stages[1].convs[0](x)[:, :8], x)


@pytest.mark.parametrize(
    "net",
    [ConvNet(widths=[4, 8, 8], convolutions=3, norm_momentum=0.4, logit_scale=0.1), ResNet(widths=[4, 8], blocks=1)],
)
def test_mirrored_answers_agree_with_tta(net: nn.Module, images: np.ndarray) -> None:
    program = LearnedClassifier(net=net.eval(), flip_tta=True, temperature=1.0, bf16=False)
    np.testing.assert_allclose(program(images), program(mirrored(images)), atol=1e-5)
    single = LearnedClassifier(net=net, flip_tta=False, temperature=1.0, bf16=False)
    np.testing.assert_allclose(program(images), (single(images) + single(mirrored(images))) / 2, atol=1e-5)


def test_a_zero_batch_is_answered() -> None:
    net = ResNet(widths=[4, 8], blocks=1).eval()
    none = np.empty((0, 28, 28), np.uint8)
    for program in (LearnedClassifier(net=net, flip_tta=True, temperature=1.0, bf16=False), SilhouetteRules()):
        assert program(none).shape == (0, 10)


def test_resnet_shortcut_is_the_identity_where_the_weights_are_zero() -> None:
    net = ResNet(widths=[4, 8], blocks=1).eval()
    block = net.blocks[1]
    nn.init.zeros_(block.norm2.weight)
    x = torch.rand(2, 4, 6, 6)
    with torch.inference_mode():
        y = block(x)
    torch.testing.assert_close(y[:, :4], x[:, :, ::2, ::2])
    assert not y[:, 4:].any()


def test_the_temperature_that_was_applied_is_found() -> None:
    """Labels drawn from a softmax, logits handed over doubled: the likeliest temperature is 2."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40_000, 1, 10, generator=generator) * 2
    labels = torch.multinomial(logits[:, 0].softmax(1), 1, generator=generator)[:, 0]
    assert best_temperature(logits * 2, labels) == pytest.approx(2, rel=0.03)


# The referee


class Sure:
    """Gives the same class to everything."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.eye(10)[np.zeros(len(images), int)]


def test_the_referee_on_a_program_of_known_score() -> None:
    evaluation = Referee(split="test", limit=1000)(Sure())
    labels = read("test", limit=1000).labels
    share = (labels == 0).mean()
    assert evaluation.scores["accuracy"].mean() == share
    assert evaluation.scores["brier"].mean() == pytest.approx(2 * (1 - share))
    figures = {f.metric: f.value for f in evaluation.figures}
    assert figures["accuracy/T-shirt"] == 1
    assert figures["accuracy/bag"] == 0
    assert figures["calibration_error"] == pytest.approx(1 - share)
    confusion = np.array(evaluation.plots[0].data["rows"])
    assert confusion.sum() == 1000
    assert confusion[:, 0].tolist() == np.bincount(labels, minlength=10).tolist()


@pytest.mark.parametrize(
    "answers", [np.zeros((10, 9)), np.full((10, 10), np.nan), np.full((10, 10), -0.1), np.full((10, 10), 7.0)]
)
def test_the_referee_refuses_what_is_no_probability(answers: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"answers: given .*wanted finite probabilities \(10, 10\)"):
        Referee(split="val", limit=10)(lambda images: answers)


def test_the_gallery_shows_who_was_right() -> None:
    referee = Referee(split="val", limit=300)
    gallery = referee.gallery({"sure": referee(Sure()), "rules": referee(SilhouetteRules())})
    assert gallery.keys() == {"all right", "all wrong", "only sure right", "only rules right"}
    assert all(p.caption.startswith("T-shirt | sure: T-shirt 100%") for p in gallery["only sure right"])


# Bad input


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            np.zeros((2, 28, 28), np.float32),
            r"images: wanted a uint8 array of shape \(N, 28, 28\), given float32 \(2, 28",
        ),
        (np.zeros((2, 32, 32), np.uint8), r"given uint8 \(2, 32, 32\)"),
        (np.zeros((28, 28), np.uint8), r"given uint8 \(28, 28\)"),
        ([[0]], "given list"),
    ],
)
def test_every_program_refuses_other_images(given: object, message: str) -> None:
    few = data(limit=300)
    learned = LearnedClassifier(net=ResNet(widths=[4, 8], blocks=1), flip_tta=False, temperature=1.0, bf16=False)
    for program in (learned, SilhouetteRules(), machine_of(landmarks=50).build(few)):
        with pytest.raises(ValueError, match=message):
            program(given)  # type: ignore[arg-type]


def test_a_truncated_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fashion-mnist").mkdir()
    (tmp_path / "fashion-mnist" / "t10k-images-idx3-ubyte").write_bytes(b"short")
    monkeypatch.setenv("SOFTWARE2_CACHE", str(tmp_path))
    vision_data._read.cache_clear()
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte: given sha256 .*wanted 5b4141f0.*delete it and run"):
        read("test")
    vision_data._read.cache_clear()
