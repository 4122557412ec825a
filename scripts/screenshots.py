"""Pictures of the demo page for the README: python -m scripts.screenshots. Needs Debian's chromium."""

from pathlib import Path

from omegaconf import DictConfig

from common.source import ROOT
from scripts import cli
from scripts.visit import served

SETTLED_MS = 12_000  # until what a tab's main button starts has come


def take(cfg: DictConfig, output_dir: Path) -> None:
    """Of each tab, after its main button was clicked, `docs/app-NAME.png`."""
    from playwright.sync_api import sync_playwright

    with served(cfg.port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        page.goto(f"http://127.0.0.1:{cfg.port}")
        tabs = page.get_by_role("tab")
        tabs.first.wait_for()
        for tab in tabs.all():
            tab.click()
            for button in page.locator("button.primary:visible").all():
                button.click()
            page.wait_for_timeout(SETTLED_MS)
            path = ROOT / "docs" / f"app-{tab.inner_text()}.png"
            page.screenshot(path=path)
            print(path)
        browser.close()


def main() -> None:
    """The entry point."""
    cli.main(take)


if __name__ == "__main__":
    main()
