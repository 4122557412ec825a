"""Writes a run's programs as a folder that travels: python -m scripts.package run=DIR [to=vision/pretrained]"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from common import experiment, package, report
from common.results import load
from common.source import ROOT
from scripts import cli, folders


def write(cfg: DictConfig, output_dir: Path) -> None:
    """Beside the run's checkpoint, unless `to=` says where; the hand-written programs are built again."""
    if cfg.run is None:
        raise ValueError("run: given nothing, wanted run=DIR, the folder of a finished run")
    run, folder = Path(cfg.run), Path(cfg.to or Path(cfg.run, "package"))
    (results,) = load([run / experiment.RESULTS])
    choices = HydraConfig.get().runtime.choices
    kept = folders.config_of_run(cfg)
    domain = cli.build(kept)
    clock = experiment.restore(domain, run)
    made = list(experiment.entrants(domain, clock.spent))
    package.save(
        folder,
        domain=choices["domain"],
        choices={group: choices[group] for group in folders.PACKAGED if choices.get(group)},
        module=domain.module,
        baselines={entrant.name: entrant.program for entrant in made if entrant.kind == "baseline"},
        documents={
            package.CONFIG: OmegaConf.to_yaml(OmegaConf.create({key: kept[key] for key in folders.KEPT})),
            package.RESULTS: (run / experiment.RESULTS).read_text(),
            package.CARD: report.card(results, domain_card=(ROOT / choices["domain"] / "README.md").read_text()),
        },
    )
    print(folder)


def main() -> None:
    """The entry point."""
    cli.main(write)


if __name__ == "__main__":
    main()
