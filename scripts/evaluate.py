"""Judges a run's checkpoint or a package again, training nothing: python -m scripts.evaluate run=DIR split=test"""

from pathlib import Path

from omegaconf import DictConfig

from common import experiment
from common.fetch import sha256
from common.package import MANIFEST
from scripts import cli, folders, terminal


def evaluate(cfg: DictConfig, output_dir: Path) -> None:
    """Into a folder of its own; the run's or package's stays as it is."""
    if (cfg.run is None) == (cfg.package is None):
        given = "nothing" if cfg.run is None else "run= and package="
        raise ValueError(f"run: given {given}, wanted run=DIR, the folder of an earlier run, or package=DIR")
    if cfg.run is not None:
        run = Path(cfg.run)
        cfg = folders.config_of_run(cfg)
        about = cli.about(cfg)
        about["command"] = f"{folders.commands_of(run)}; {about['command']}"
        results = experiment.evaluate(cli.build(cfg), run, output_dir, about=about, goals=dict(cfg.goals))
    else:
        folder = Path(cfg.package)
        found = folders.load_package(folder)
        cfg = folders.config_of_package(cfg, found)
        cfg.package = None  # it is judged; its settings are those of its run
        about = cli.about(cfg) | {"package": sha256(folder / MANIFEST)}
        about["command"] = "; ".join(filter(None, (found.results["run"].get("command"), about["command"])))
        results = experiment.evaluate_package(cli.build(cfg), found, output_dir, about=about, goals=dict(cfg.goals))
    terminal.show(results)
    print(output_dir / experiment.RESULTS)


def main() -> None:
    """The entry point."""
    cli.main(evaluate)


if __name__ == "__main__":
    main()
