"""Tables and a page from results.json files: python -m scripts.report [run=DIR] [update=README.md] [picture=FILE]"""

from pathlib import Path

from omegaconf import DictConfig

from common import report
from common.results import experiments, load
from scripts import cli, documents


def write(cfg: DictConfig, output_dir: Path) -> None:
    """Of one run (or a multirun's folder), or of all results that are committed."""
    paths = documents.committed() if cfg.run is None else sorted(Path(cfg.run).glob("**/results.json"))
    if not paths:
        raise ValueError(f"run: given {cfg.run}, wanted a folder with results.json in it")
    loaded = load(paths)
    print(report.summary(experiments(loaded)))
    marked = cfg["update"]  # cfg.update is a method
    if marked is not None:
        documents.update(Path(marked), loaded)
        print(marked)
    if cfg.picture is not None:
        Path(cfg.picture).write_text(report.picture(documents.leading(experiments(loaded))))
        print(cfg.picture)
    page = (Path(cfg.run) if cfg.run else output_dir) / "report.html"
    page.write_text(report.page(loaded))
    print(page)


def main() -> None:
    """The entry point."""
    cli.main(write)


if __name__ == "__main__":
    main()
