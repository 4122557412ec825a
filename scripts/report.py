"""Tables and a page from results.json files: python -m scripts.report [run=DIR] [update=README.md] [picture=FILE]"""

from pathlib import Path

from omegaconf import DictConfig

from common import report
from common.package import MANIFEST
from common.results import experiments, load
from scripts import cli, documents


def write(cfg: DictConfig, output_dir: Path) -> None:
    """Of one run (or a multirun's folder), or of all results that are committed."""
    paths = documents.committed() if cfg.run is None else results_under(Path(cfg.run))
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


def results_under(folder: Path) -> list[Path]:
    """Those of a run or of a multirun's jobs, the latest last, as it counts; without the copies that packages hold."""
    paths = [path for path in folder.glob("**/results.json") if not path.with_name(MANIFEST).exists()]
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path))


def main() -> None:
    """The entry point."""
    cli.main(write)


if __name__ == "__main__":
    main()
