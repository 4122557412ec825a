"""The page of what was measured of the essay's claims, and the command that writes it."""

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from common.evidence import Subject, page
from common.fetch import sha256
from common.program import Figure, Plot
from common.results import Experiment, Program
from common.results import Figure as Measured
from scripts import claims, folders
from tests.conftest import DOMAINS, ROOT, same_page

NODES = {"measure": "evidence", "train": "trained"}  # of the configs, by mode

# The page


def claim(**changed: Any) -> page.Claim:
    given = {"title": "Constant", "claim": "It is.", "experiment": "constancy", "shown": ["a"], "holds": {"a": "<= 1"}}
    return page.Claim(name="constant", **{**given, **changed})


def measured(domain: str, **values: float) -> Experiment:
    """An experiment in which the learned program has these values, and a hand-written one is far worse."""
    programs = [
        Program(name, kind, {m: Measured((v + worse,), None, None, "", None) for m, v in values.items()})
        for name, kind, worse in (("net", "learned", 0), ("rules", "baseline", 100))
    ]
    run = {"cores": 2, "cpu": "a processor", "libraries": {"torch": "2"}, "plots": []}
    return Experiment(domain, "constancy", "test", "", "a", programs, [{"run": run, "plots": []}])


def test_a_claim_is_judged_by_the_learned_programs() -> None:
    both = claim(holds={"a": "<= 1", "b": "> 3"})
    cases = {
        "holds": [measured("one", a=1.0), measured("two", a=0.5, b=4.0)],
        "holds in part": [measured("one", a=1.0), measured("two", a=1.5)],
        "fails": [measured("one", a=2.0, b=3.0)],
        "not measured yet": [measured("one", c=1.0)],
    }
    for verdict, groups in cases.items():
        assert str(page.judged(both, groups)) == verdict
    assert [page.judged(both, cases[verdict]).counted for verdict in ("holds", "holds in part")] == [
        "holds",
        "holds in part: 1 of 2",
    ]
    (condition,) = page.judged(both, cases["holds in part"]).conditions
    assert condition == page.Condition("a <= 1", ["one net 1"], ["two net 1.5000"], [], "0 of 2")


def test_what_seeds_or_problems_leave_open_is_not_judged() -> None:
    def of(*figures: Measured, mode: str = "measure") -> str:
        program = Program("net", "learned", {f"m{i}": figure for i, figure in enumerate(figures)})
        groups = [Experiment("one", "constancy", "test", "", "a", [program], [])]
        return str(page.judged(claim(holds={"m0": "<= 1", "m1": "<= 1"}, mode=mode), groups))

    def seeds(*values: float) -> Measured:
        return Measured(values, None, None, "", None)

    def problems(low: float, high: float) -> Measured:
        return Measured(((low + high) / 2,), low, high, "", None)

    within, across, beyond = (seeds(m - 0.1, m, m + 0.1) for m in (0.7, 0.8, 1.3))  # 4.303 / sqrt(3) * 0.1 = 0.248
    assert [of(figure) for figure in (within, across, beyond)] == ["holds", "cannot be told", "fails"]
    assert [of(problems(*ends)) for ends in ((0.8, 0.9), (0.9, 1.1), (1.1, 1.2))] == [
        "holds",
        "cannot be told",
        "fails",
    ]
    assert of(within, across) == of(within, beyond) == "holds in part"
    assert of(seeds(0.5)) == "holds"
    assert of(seeds(0.5), mode="train") == "cannot be told", "of one seed alone"
    assert of(within, mode="train") == "holds"
    assert of(across, beyond) == "fails in part"
    shown = claim(holds={})
    assert [str(page.judged(shown, groups)) for groups in ([], [measured("one", a=1.0)])] == [
        "not measured yet",
        "cannot be told",
    ]


def test_the_table_shows_what_the_claim_names_of_all_programs() -> None:
    groups = [measured("one", a=1.0, b=2.0), measured("two", a=3.0, c=4.0)]
    (table,) = page.tables(claim(), groups)
    assert table[:3] == [
        ["domain", "program", "written", "a"],
        ["one", "net", "2.0", "1"],
        ["one", "rules", "1.0", "101"],
    ]
    assert [row[0] for row in table[3:]] == ["two", "two"]
    heads = [table[0][3:] for table in page.tables(claim(shown=[page.ALL]), groups)]
    assert heads == [["a", "b"], ["a", "c"]], "a table a domain"
    heads = [table[0][3:] for table in page.tables(claim(shown=["c", "a"]), groups)]
    assert heads == [["a"], ["c", "a"]], "no column is empty"
    assert page.tables(claim(), []) == []


def test_verdicts_link_to_their_figures() -> None:
    known = {"constant": claim(title="A limit: it is slow")}
    wanted = "| [A limit: it is slow](there.md#a-limit-it-is-slow) | not measured yet |"
    assert page.verdicts(known, [], "there.md").splitlines()[2:] == [wanted]
    markdown, _ = page.pages(known, [])
    assert "(#a-limit-it-is-slow) | not measured yet |" in markdown


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ("{title: Slow}", "missing.*'claim'"),
        ("{title: Slow, claim: It is., experiment: constancy, shown: [a], holds: {a: much}}", "given 'much'"),
    ],
)
def test_a_claim_of_another_form_is_named(fields: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(f"slow: {fields}")
    with pytest.raises(ValueError, match=rf"given claim slow, wanted the fields of a Claim \(.*{what}"):
        page.read(path)


def test_what_is_no_number_is_written() -> None:
    for value in (float("nan"), float("inf")):
        ((_, first, _),) = page.tables(claim(), [measured("one", a=value)])
        assert first == ["one", "net", "2.0", str(value)]


def test_the_claims_of_this_repository_name_experiments(config: Callable) -> None:
    known = page.read(claims.CLAIMS)
    configs = [config(f"domain={domain}") for domain in DOMAINS]
    named = {mode: {name for cfg in configs for name in cfg[there]} for mode, there in NODES.items()}
    for found in known.values():
        assert found.experiment in named[found.mode], found.name
        assert set(found.shown) == {page.ALL} or set(found.holds) <= set(found.shown), found.name


def test_conditions_are_of_figures_that_training_gives(config: Callable) -> None:
    """Of `left/METRIC/RUN`, metric and run are some that the experiment names."""
    reads = [cfg.trained for cfg in (config(f"domain={domain}") for domain in DOMAINS)]
    for found in (c for c in page.read(claims.CLAIMS).values() if c.mode == "train"):
        nodes = [trained[found.experiment] for trained in reads if found.experiment in trained]
        given = {"exponent", "last_step"} if any("best" in node.read for node in nodes) else set()
        for node in nodes:
            later = list(node.points)[1:]
            given |= {f"left/{metric}/{point}" for metric in node.read.get("metrics", ()) for point in later}
        assert set(found.holds) <= given


def test_the_page_says_what_is_committed() -> None:
    known = page.read(claims.CLAIMS)
    loaded = claims.measured(claims.FOLDER)
    said = [(claims.FOLDER / name).read_text() for name in ("README.md", "index.html")]
    drawn = page.pages(known, loaded)
    assert all(same_page(a, b) for a, b in zip(said, drawn, strict=True)), "python -m scripts.claims"
    for found, groups in page.measurements(known, loaded):
        learned = [program for group in groups for program in group.programs if program.kind == "learned"]
        there = {metric for program in learned for metric in program.figures}
        if found.mode == "measure" or there & set(found.holds):  # training may still be to come
            assert set(found.holds) <= there, found.name


def test_what_was_read_of_committed_results_is_what_they_say() -> None:
    for result in claims.measured(claims.FOLDER):
        for source, digest in result["run"].get("sources", {}).items():
            assert sha256(ROOT / source) == digest, f"python -m scripts.claims mode=train: {source} has changed"


# The command


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two claims, of experiments that only note that they ran."""
    ran: list[str] = []
    settings: dict[str, Any] = {}

    def experiment(name: str, subject: Subject) -> list[Figure | Plot]:
        ran.append(name)
        labels = {"x": [0.0, 1.0], "y": [1.0, 2.0]}
        return [
            Figure("a", settings.get("problems", 0.0), program="net", kind="learned"),
            Plot("drawn", "curve", labels, "net"),
        ]

    def instantiated(node: Any, **_: Any) -> Any:
        settings.update(node)
        return partial(experiment, node["_target_"].rpartition(".")[2])

    known = {name: claim(experiment=name) for name in ("constancy", "precision")}
    monkeypatch.setattr(page, "read", lambda _: known)
    monkeypatch.setattr(claims, "instantiate", instantiated)
    monkeypatch.setattr(claims, "opened", lambda cfg, found: None)
    return ran


def test_an_interrupted_run_goes_on(counted: list[str], command, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    arguments = ("domain=vision", f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    assert command("claims", *arguments)[-1] == str(tmp_path / "README.md")
    assert sorted(counted) == ["constancy", "precision"]
    (tmp_path / "precision-vision.json").unlink()  # as if it had been stopped before that
    command("claims", *arguments)
    assert counted[2:] == ["precision"]
    command("claims", *arguments)
    assert counted[3:] == [], "all is measured"
    command("claims", "claims=constancy", *arguments)
    assert counted[3:] == ["constancy"], "what is named is measured again"
    monkeypatch.setattr("common.fetch.sha256", lambda _: "another package")
    command("claims", *arguments)
    assert sorted(counted[4:]) == ["constancy", "precision"]


def test_the_page_tells_what_was_measured(counted: list[str], command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    command("claims", "domain=vision", f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    saved = json.loads((tmp_path / "constancy-vision.json").read_text())
    assert saved["run"]["experiment"] == "constancy"
    text, html = ((tmp_path / name).read_text() for name in ("README.md", "index.html"))
    assert "| vision | net | 2.0 |" in text
    assert "<svg" in html
    assert "vision" in html


def test_what_the_command_line_says_counts(counted: list[str], command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    changed = ("claims=constancy", "evidence.constancy.problems=3")
    command("claims", "domain=vision", *changed, f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    saved = json.loads((tmp_path / "constancy-vision.json").read_text())
    assert saved["figures"][0]["value"] == 3
    assert saved["run"]["config"]["evidence"]["problems"] == 3


def test_what_another_domain_has_not_needs_its_domain(counted: list[str], command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=r"claims: given .*noise=3.*, which control has not, wanted domain=DOMAIN"):
        command("claims", "evidence.silence.noise=3", f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("choice", ["domain/keys=lognormal", "domain/net=deeprmi"])
def test_what_a_package_was_not_made_with_is_refused(choice: str, counted: list[str], command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=f"{choice}: given with mode=measure, wanted what databases's package was"):
        command("claims", "domain=databases", choice, f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    assert not counted


SMALL = (
    "trained.agility.seeds=[0,1]",
    'trained.agility.points={whole: ["domain.data.limit=600"], half: ["domain.data.limit=500", "epochs=2"], '
    'quarter: ["domain.data.limit=600"]}',
    "trained.agility.read.metrics=[accuracy]",
)
SMOKE = (
    "domain=vision",
    "mode=train",
    "claims=agile",
    "trainer=smoke",
    "logger=csv",
    "~domain.baselines.hog_svm",
    *SMALL,
)


def test_what_must_train_trains_once(command, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Each run as `python -m scripts.train` would, in a process of its own."""
    monkeypatch.chdir(tmp_path)
    begun = []
    start = subprocess.run

    def counted(command: list[str], **how: Any) -> Any:
        if "scripts.train" in command:
            begun.append(command)
            command = [command[0], "-m", "tests.brief", *command[2:]]
        return start(command, **how)

    monkeypatch.setattr(subprocess, "run", counted)
    arguments = (*SMOKE, "trained.agility.seeds=[1]", f"to={tmp_path}/page", f"output_dir={tmp_path}/run")
    command("claims", *arguments)
    assert len(begun) == 2, "whole and quarter are the same here"
    saved = json.loads((tmp_path / "page" / "agility-vision-1.json").read_text())
    assert saved["run"]["seed"] == 1
    found = {(f["program"], f["metric"]): f["value"] for f in saved["figures"]}
    paths = sorted(tmp_path.glob("runs/claims/vision-*/results.json"))
    kept, kept_at = [json.loads(path.read_text()) for path in paths], paths[0]
    by_limit = {r["run"]["config"]["domain"]["data"]["limit"]: r for r in kept}
    for name, limit in (("whole", 600), ("half", 500)):
        assert by_limit[limit]["run"]["seed"] == 1
        assert by_limit[limit]["run"]["split"] == "test"
        of_run = {(f["program"], f["metric"]): f["value"] for f in by_limit[limit]["figures"]}
        assert found["convnet", f"accuracy/{name}"] == of_run["convnet", "accuracy"]
    (tmp_path / "page" / "agility-vision-1.json").unlink()
    command("claims", *arguments)
    assert len(begun) == 2, "runs that have ended are read"
    again = json.loads((tmp_path / "page" / "agility-vision-1.json").read_text())
    assert again["figures"] == saved["figures"]
    assert again["run"]["config"]["trainer"]["max_epochs"] == 1, "trainer=smoke's"
    for name in ("agility-vision-1.json", f"../{kept_at.relative_to(tmp_path)}"):
        (tmp_path / "page" / name).unlink()
    command("claims", *arguments)
    assert [a for a in begun[2] if "=" in a] == [f"run={kept_at.parent}"], "what had begun goes on"


def test_a_run_that_fails_is_named(command, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    bad = 'trained.agility.points={whole: ["domain.data.limit=0"]}'
    with pytest.raises(SystemExit, match=r"claims: given domain=vision .*limit=0.*, which ended with 1, wanted 0"):
        command("claims", *SMOKE, bad, f"to={tmp_path}/page", f"output_dir={tmp_path}/run")
    assert not list(tmp_path.glob("page/*.json"))


def test_a_claim_is_asked_for_in_its_mode(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run = ("domain=vision", f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    with pytest.raises(SystemExit, match="claims: given agile and mode=measure, wanted mode=train"):
        command("claims", "claims=agile", *run)
    with pytest.raises(SystemExit, match="mode: given race, wanted one of measure, train"):
        command("claims", "mode=race", *run)
    with pytest.raises(SystemExit, match="domain: given tts, which has no agility, wanted one that has it"):
        command("claims", "mode=train", "claims=agile", "domain=tts", *run[1:])


def test_melding_is_read_from_what_is_committed(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    command("claims", "domain=tts", "mode=train", "claims=modules_meld", f"to={tmp_path}", f"output_dir={tmp_path}/run")
    joint = json.loads((ROOT / "speech/tts/results/joint-2.json").read_text())
    wanted = next(f["value"] for f in joint["figures"] if (f["program"], f["metric"]) == ("convtts", "dnsmos"))
    saved = json.loads((tmp_path / "melding-tts-2.json").read_text())
    found = {(f["program"], f["metric"]): f["value"] for f in saved["figures"]}
    assert found["convtts", "dnsmos/joint"] == wanted
    assert found["convtts", "left/dnsmos/joint"] == wanted / found["convtts", "dnsmos/vocoder"]


def test_unknown_claims_are_named(command, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=r"claims: given slow, wanted some of constant_time, constant_memory, .*"):
        command("claims", "claims=slow", f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
    assert claims.chosen(["constant"], {"constant": claim()}, "measure") == ["constant"]
    assert claims.chosen(None, {}, "measure") == []


def test_a_domain_without_a_package_is_named(command, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(folders, "shipped", lambda _: tmp_path / "nowhere")
    with pytest.raises(
        SystemExit, match="domain: given vision, of which no package is shipped, wanted one that has one"
    ):
        command("claims", "domain=vision", f"to={tmp_path}", f"output_dir={tmp_path / 'run'}")
