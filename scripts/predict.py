"""Asks all programs of a domain one thing: python -m scripts.predict domain=vision input=shoe.png

The shipped package answers, unless `package=` or `run=` names another. What an input is, is the domain's to say: a
function under `predict` in its YAML, which gets the programs, the input and a folder for files, and says what to print.
"""

import sys
from functools import partial
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from common import experiment
from common.program import Program
from scripts import cli, folders


def predict(cfg: DictConfig, output_dir: Path, *, given: str | None) -> None:
    """Prints what the domain says of `given`, and last the folder of what it wrote."""
    if given is None:
        raise ValueError('input: given nothing, wanted input="..."')
    if not cfg.predict:
        raise ValueError("predict: given a domain that reads no input, wanted one whose YAML names a function")
    programs: dict[str, Program]
    ask = instantiate(cfg.predict, _convert_="all")
    if cfg.run is not None:
        cfg = folders.config_of_run(cfg)
        domain = cli.build(cfg)
        clock = experiment.restore(domain, Path(cfg.run))
        programs = {entrant.name: entrant.program for entrant in experiment.entrants(domain, clock.spent)}
    else:
        found = folders.load_package(Path(cfg.package))
        cfg = folders.config_of_package(cfg, found)
        programs = experiment.unpacked(cli.build(cfg), found)
    for line in ask(programs, given, output_dir):
        print(line)
    if any(path.name not in folders.SCAFFOLD for path in output_dir.iterdir()):
        print(output_dir)


def package_of(domain: str) -> Path:
    """The package of a domain that this repository has.

    Raises:
        ValueError: it has none.
    """
    folder = folders.shipped(domain)
    if not folder.is_dir():
        raise ValueError(f"package: given nothing, wanted package=DIR or run=DIR: no package of {domain} is shipped")
    return folder


def main() -> None:
    """The entry point. The input is taken as it is typed: to Hydra `Hello, you` would be two values."""
    given = folders.argument("input")
    sys.argv[1:] = [a for a in sys.argv[1:] if not a.startswith("input=")]
    if folders.argument("run") is None and folders.argument("package") is None:
        try:
            experiment_of = (folders.argument("experiment") or "vision").partition("_")[0]
            sys.argv.append(f"package={package_of(folders.argument('domain') or experiment_of)}")
        except ValueError as error:
            sys.exit(f"error: {error}")
    cli.main(partial(predict, given=given))


if __name__ == "__main__":
    main()
