"""Tables and page from results that are known."""

import json
import os
import re
from pathlib import Path

import pytest

from common import report
from common.results import experiments, human, load, parsed_goal
from scripts import documents
from scripts.report import results_under
from tests.conftest import CODE, ROOT, same_page

CARDS = [ROOT.joinpath(*code.split("."), "README.md") for code in CODE.values()]


def record(program: str, kind: str, metric: str, value: float, unit: str = "", goal: str | None = None) -> dict:
    interval = {"low": value - 0.01, "high": value + 0.01}
    return {
        "program": program,
        "kind": kind,
        "metric": metric,
        "value": value,
        "unit": unit,
        "goal": goal,
    } | interval


def results(seed: int = 0, accuracy: float = 0.9, domain: str = "toys", batch_size: int = 500) -> dict:
    run = {"domain": domain, "experiment": "quick", "split": "test", "seed": seed, "headline": "accuracy"}
    run |= {"config": {"domain": {"data": {"seed": seed, "batch_size": batch_size}}}, "uses": {"net": ["torch"]}}
    run |= {
        "cores": 2,
        "cpu": "a CPU",
        "threads": 2,
        "libraries": {"torch": "2.14.1"},
        "command": "python -m scripts.train",
    }
    figures = [
        record("net", "learned", "accuracy", accuracy, goal=">= 0.91"),
        record("net", "learned", "build_cpu_s", 120.0, "s"),
        record("net", "learned", "latency_p50_s", 0.00042, "s"),
        record("net", "learned", "peak_memory_bytes", 2.5e8, "bytes"),
        record("rules", "baseline", "accuracy", 0.7),
        record("rules", "baseline", "build_cpu_s", 0.0, "s"),
    ]
    curve = {"x": [1, 2], "y": [0.5, 0.9], "x_label": "CPU-seconds"}
    plots = [
        {"name": "learning/val/accuracy", "shape": "curve", "program": "net", "data": curve},
        {"name": "latency", "shape": "curve", "program": "net", "data": curve},
        {"name": "latency", "shape": "curve", "program": "rules", "data": curve},
        {
            "name": "confusion",
            "shape": "matrix",
            "program": "net",
            "data": {"rows": [[3, 1], [0, 4]], "labels": ["a", "b"]},
        },
    ]
    gallery = [{"group": "all right", "caption": "<b>coat</b>", "file": "gallery/0.png"}]
    return {"run": run, "figures": figures, "plots": plots, "gallery": gallery, "folder": ""}


def written(folder: Path, **given: object) -> Path:
    path = folder / f"{given.get('seed', 0)}.json"
    path.write_text(json.dumps(results(**given)))  # type: ignore[arg-type]
    return path


def test_seeds_merge_into_mean_and_deviation() -> None:
    (group,) = experiments([results(0, 0.90), results(1, 0.92), results(2, 0.94)])
    figure = group.programs[0].figures["accuracy"]
    assert figure.mean == pytest.approx(0.92)
    assert figure.text() == "0.9200 ± 0.0200"
    assert figure.met()
    assert group.title == "toys, quick, test split, 3 seeds"


def test_a_goal_may_be_of_the_interval_and_then_of_every_seed() -> None:
    for goal, met in (("low > 0.88", True), ("low > 0.89", False), ("high < 0.94", True), ("high < 0.93", False)):
        runs = [results(0, 0.90), results(1, 0.92)]
        for run in runs:
            run["figures"][0]["goal"] = goal
        (group,) = experiments(runs)
        assert group.programs[0].figures["accuracy"].met() is met
        assert f"{goal} {'met' if met else 'missed'}" in report.figures([group])


def test_only_differences_of_neither_headline_nor_goal_are_folded() -> None:
    run = results()
    run["figures"] += [
        record("net", "learned", "accuracy_minus/rules", 0.2),
        record("net", "learned", "nll_minus/rules", -0.3, goal="<= 0"),
    ]
    assert "<details>" not in report.figures(experiments([run]))
    run["figures"].append(record("net", "learned", "brier_minus/rules", -0.1))
    shown, folded = report.figures(experiments([run])).split("<details>")
    assert "| accuracy_minus/rules | 0.2000" in shown
    assert "| nll_minus/rules | -0.3000" in shown
    assert "| brier_minus/rules | -0.1000" in folded
    assert folded.count("_minus/") == 1


@pytest.mark.parametrize("goal", ["0.9", ">0.9", "=> 0.9", "mean > 0.9", ">= much", "> 0.9 0.8"])
def test_what_is_no_goal_is_named(goal: str) -> None:
    with pytest.raises(ValueError, match=f"goal: given '{re.escape(goal)}', wanted one like '>= 0.94' or 'low > 0'"):
        parsed_goal(goal)


def test_a_seed_without_an_interval_leaves_none() -> None:
    for order in ((0, 1), (1, 0)):
        runs = [results(0, 0.90), results(1, 0.92)]
        runs[order[0]]["figures"][0] |= {"low": None, "high": None}
        (group,) = experiments(runs)
        figure = group.programs[0].figures["accuracy"]
        assert (figure.low, figure.high) == (None, None)


def bench() -> dict:
    """What scripts.bench writes: no scores, no costs, no pictures."""
    whole = results()
    figures = [{**whole["figures"][0], "metric": "cpu_s_to_accuracy", "program": p} for p in ("net", "peer")]
    run = {**whole["run"], "experiment": "bench", "headline": "cpu_s_to_accuracy", "uses": {}}
    return {"run": run, "figures": figures, "folder": ""}


def test_a_bench_stands_in_the_tables_of_figures_only() -> None:
    loaded = [results(), bench()]
    assert report.summary(experiments(loaded)) == report.summary(experiments(loaded[:1]))
    assert report.picture(experiments(loaded)) == report.picture(experiments(loaded[:1]))
    assert "| cpu_s_to_accuracy | 0.9000" in report.figures(experiments(loaded))
    assert "cpu_s_to_accuracy" in report.page(loaded)


def test_other_settings_are_no_other_seed() -> None:
    groups = experiments([results(0), results(1, batch_size=250)])
    assert [len(group.results) for group in groups] == [1, 1]
    titles = [group.title for group in groups]
    assert sorted(titles) == [f"toys, quick, batch_size={n}, test split, 1 seed" for n in (250, 500)]


def configured(seed: int, **settings: object) -> dict:
    """Results with settings beside the run's own seed, their paths' dots written as __."""
    config: dict = {"domain": {"data": {"seed": seed}}}
    for path, value in settings.items():
        *parents, name = path.split("__")
        node = config["domain"]
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return {**(plain := results(seed)), "run": {**plain["run"], "config": config}}


def titles(loaded: list[dict]) -> dict[str, int]:
    return {group.apart: len(group.results) for group in experiments(loaded)}


def test_a_seed_that_is_not_the_runs_is_a_setting() -> None:
    """And a constant one is none, whatever the run's."""
    assert titles([configured(s, sampling__seed=0) for s in range(3)]) == {"": 3}
    swept = [configured(0, sampling__seed=s) for s in range(3)]
    assert titles(swept) == {f"seed={s}": 1 for s in range(3)}
    both = [configured(run, sampling__seed=s) for run in range(3) for s in range(2)]
    assert titles(both) == {"seed=0": 3, "seed=1": 3}
    assert titles([*(configured(s) for s in range(3)), configured(0, data__seed=5)]) == {"": 3, "seed=5": 1}


def test_settings_of_one_name_are_told_apart() -> None:
    noises = [configured(0, data__noise=a, sampling__noise=b) for a, b in ((0.1, 0.2), (0.2, 0.1))]
    assert titles(noises) == {"data.noise=0.1, sampling.noise=0.2": 1, "data.noise=0.2, sampling.noise=0.1": 1}
    once = [
        configured(0, data__keys=k, evaluator__keys=k, noise=0.1, sampling__noise=n) for k, n in (("a", 1), ("b", 2))
    ]
    assert titles(once) == {f"keys={k}, noise={n}": 1 for k, n in (("a", 1), ("b", 2))}
    lists = [configured(0, widths=[n], voice=voice) for n, voice in ((1, "a"), (2, "b"), (2, "a"))]
    assert titles(lists[:2]) == {"voice=a": 1, "voice=b": 1}
    assert titles(lists).keys() == {"voice=a, widths=[1]", "voice=b, widths=[2]", "voice=a, widths=[2]"}


def test_of_a_domain_the_experiment_with_most_goals_leads() -> None:
    plain = results(0, batch_size=250)
    for figure in plain["figures"]:
        figure["goal"] = None
    other = {**plain, "run": {**plain["run"], "experiment": "full"}}
    (leading,) = documents.leading(experiments([plain, results(0, batch_size=500), other, bench()]))
    assert leading.title == "toys, quick, batch_size=500, test split, 1 seed"


def test_a_run_that_is_judged_again_counts_once() -> None:
    (group,) = experiments([results(0, 0.90), results(0, 0.92)])
    assert group.programs[0].figures["accuracy"].values == (0.92,)


def test_one_seed_shows_the_interval_over_problems() -> None:
    (group,) = experiments([results()])
    assert group.programs[0].figures["accuracy"].text() == "0.9000 (0.8900 to 0.9100)"
    assert group.programs[0].figures["accuracy"].met() is False
    assert group.programs[1].figures["accuracy"].met() is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.000042, "s", "42 µs"),
        (0.0042, "s", "4.20 ms"),
        (42.0, "s", "42.0 s"),
        (0.0, "s", "0 s"),
        (2.5e8, "bytes", "250 MB"),
        (1.5e6, "bytes", "1.50 MB"),
        (290184, "", "290,184"),
        (0.94125, "", "0.9413"),
    ],
)
def test_numbers_read_well(value: float, unit: str, text: str) -> None:
    assert human(value, unit) == text


def test_update_rewrites_between_the_marks_only(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- report: summary -->\nold\n<!-- /report -->\nafter\n")
    for _ in range(2):
        documents.update(page, [results()])
    text = page.read_text()
    assert text.startswith("before\n<!-- report: summary -->\n")
    assert text.endswith("<!-- /report -->\nafter\n")
    assert "old" not in text
    assert text.count("| `net` | 2.0 | accuracy 0.9000") == 1


def test_update_takes_one_domain(tmp_path: Path) -> None:
    page = tmp_path / "card.md"
    page.write_text("<!-- report: figures toys -->\n<!-- /report -->\n")
    documents.update(page, [results(), results(domain="others")])
    assert "**toys, quick" in page.read_text()
    assert "others" not in page.read_text()


def test_update_takes_the_claims(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("<!-- report: claims -->\n<!-- /report -->\n")
    documents.update(page, [])
    assert "| [Constant running time](docs/claims/README.md#constant-running-time) | " in page.read_text()


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"results: given .*none\.json, wanted a file; has that run finished"):
        load([tmp_path / "none.json"])
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match=r"results: given .*x\.json, wanted run and figures in it"):
        load([tmp_path / "x.json"])
    with pytest.raises(ValueError, match=r"update: given .*none\.md, wanted a Markdown file"):
        documents.update(tmp_path / "none.md", [])
    (tmp_path / "plain.md").write_text("text")
    with pytest.raises(ValueError, match=r"update: given .*plain\.md, wanted <!-- report"):
        documents.update(tmp_path / "plain.md", [])


def test_the_page_is_self_contained_and_escapes(tmp_path: Path) -> None:
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "0.png").write_bytes(b"\x89PNG")
    html = report.page(load([written(tmp_path)]))
    assert "&lt;b&gt;coat" in html
    assert "<b>coat" not in html
    assert "data:image/png;base64,iVBORw" in html
    assert html.count("<svg") == 3, "quality against cost, latency, confusion"
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", html)
    assert "@import" not in html


@pytest.mark.browser
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """It asks for nothing, logs no error, sorts by the column that is clicked and fits a phone."""
    from playwright.sync_api import sync_playwright

    (tmp_path / "gallery").mkdir()
    page_file = tmp_path / "report.html"
    page_file.write_text(report.page(load([written(tmp_path)])))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 390, "height": 800})
        requests, errors = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri())
        first = page.locator("table.sortable tbody tr td:first-child").first
        assert first.inner_text() == "net"
        for expected in ("net", "rules"):  # down, then up
            page.locator("table.sortable th", has_text="accuracy").click()
            assert first.inner_text() == expected
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.close()
    assert [url for url in requests if not url.startswith("data:")] == [page_file.as_uri()]
    assert errors == []


@pytest.mark.parametrize("path", [ROOT / "README.md", *CARDS], ids=str)
def test_tables_in_the_documents_agree_with_the_committed_results(path: Path, tmp_path: Path) -> None:
    if not documents.MARKED.search(path.read_text()):
        pytest.fail(f"{path} shows no results")
    copy = tmp_path / path.name
    copy.write_text(path.read_text())
    documents.update(copy, load(documents.committed()))
    assert copy.read_text() == path.read_text(), f"run: python -m scripts.report update={path.relative_to(ROOT)}"


def test_the_committed_commands_run_elsewhere() -> None:
    """None names a folder of the machine that it was typed on."""
    runs = [results["run"] for results in load([*documents.committed(), *(ROOT / "docs" / "claims").glob("*.json")])]
    assert [run["command"] for run in runs if re.search(r"[ =]/", run["command"])] == []
    assert len(runs) > 60


def test_the_picture_agrees_with_the_committed_results() -> None:
    groups = documents.leading(experiments(load(documents.committed())))
    same = same_page((ROOT / "docs" / "results.svg").read_text(), report.picture(groups))
    assert same, "run: make report"  # (pytest would compare a megabyte line by line)


def test_the_latest_judgement_of_a_run_counts_and_no_package_of_it(tmp_path: Path) -> None:
    for at, name in enumerate(("package", "b", "", "a")):
        path = tmp_path / name / "results.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
        os.utime(path, (at, at))
    (tmp_path / "package" / "manifest.json").write_text("{}")
    assert results_under(tmp_path) == [tmp_path / name / "results.json" for name in ("b", "", "a")]
