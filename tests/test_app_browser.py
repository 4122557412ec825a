"""The demo page in a browser: Debian's chromium, driven by Playwright."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from scripts.visit import served
from tests.conftest import SHIPPED

A_MINUTE = 60_000  # ms, that a page may take while other tests run beside it


class Server:
    """The page in a process of its own, which can be ended and begun again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.stack = ExitStack()
        self.stack.enter_context(served(self.port))

    def stop(self) -> None:
        self.stack.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def page(server: Server) -> Iterator[object]:
    """A page that may ask for nothing outside of this machine and log no error."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-background-networking"]
        )
        opened = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        opened.set_default_timeout(A_MINUTE)
        asked, errors = [], []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(server.url)
        opened.get_by_role("tab").first.wait_for()
        yield opened
        browser.close()
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert outside == []
    assert errors == []


def open_tab(page: object, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def told(page: object, words: str) -> None:
    """A message says these words, and no stack trace stands in it."""
    page.get_by_text(re.compile(words)).first.wait_for()
    assert "Traceback" not in page.content()


@pytest.mark.browser
def test_every_domain_has_its_tab(page: object) -> None:
    assert {tab.inner_text() for tab in page.get_by_role("tab").all()} == set(SHIPPED)


def upload(page: object, path: Path) -> None:
    with page.expect_file_chooser() as opened:
        page.get_by_role("button", name="Upload a picture").click()
    opened.value.set_files(path)


@pytest.mark.browser
def test_vision_in_a_browser(page: object, tmp_path: Path) -> None:
    open_tab(page, "vision")
    page.get_by_text(re.compile(r"hog_svm .*, [\d.]+ (µs|ms|s)")).wait_for()
    page.get_by_text("holds").or_(page.get_by_text("gives up")).first.wait_for()
    page.get_by_label("Thumbnail 8 of 12").click()
    page.get_by_test_id("label-output-value").filter(has_text="trouser").first.wait_for()
    (tmp_path / "none.png").write_text("no image")
    upload(page, tmp_path / "none.png")
    told(page, "wanted an image file")
    Image.effect_noise((300, 300), 50).save(tmp_path / "half.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "half.jpg").read_bytes()[:2000])
    upload(page, tmp_path / "half.jpg")
    told(page, "half.jpg, wanted an image file")
    Image.new("1", (10_100, 10_000)).save(tmp_path / "huge.png")
    upload(page, tmp_path / "huge.png")
    told(page, "given 10100 x 10000 pixels, wanted 10,000 a side at most")


@pytest.mark.browser
def test_a_game_is_played_to_its_end_in_a_browser(page: object, server: Server) -> None:
    open_tab(page, "control")
    for side in ("Red, who begins", "Yellow"):
        page.locator("fieldset", has_text=side).get_by_label("you", exact=True).check()
    for i, column in enumerate("1212121"):
        button = page.get_by_role("button", name=column, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        mover = "Red wins" if i == 6 else "Yellow to move" if i % 2 == 0 else "Red to move"
        page.get_by_role("heading", name=mover).wait_for()
        page.wait_for_timeout(1000)  # as a person would take
    page.get_by_role("button", name="3", exact=True).click()
    told(page, "game: given one that is over, wanted New game first")
    page.goto("about:blank")
    server.stop()
    server.start()
    page.goto(server.url)
    open_tab(page, "control")
    page.get_by_role("heading", name="Red wins").wait_for()


@pytest.mark.browser
def test_two_windows_on_one_game(page: object, server: Server) -> None:
    """The second goes on with what the first has shown, and then each plays its own."""
    open_tab(page, "control")
    for side in ("Red, who begins", "Yellow"):
        page.locator("fieldset", has_text=side).get_by_label("you", exact=True).check()
    page.get_by_role("button", name="4", exact=True).click()
    page.get_by_text("moves so far: 4").wait_for()
    second = page.context.new_page()
    second.set_default_timeout(A_MINUTE)
    second.goto(server.url)
    open_tab(second, "control")
    second.get_by_text("moves so far: 4").wait_for()
    for window, column, moves in ((second, "1", "41"), (page, "7", "47"), (second, "2", "412")):
        window.get_by_role("button", name=column, exact=True).click()
        window.get_by_text(re.compile(f"moves so far: {moves}$")).wait_for()
    page.get_by_text(re.compile("moves so far: 47$")).wait_for()


@pytest.mark.browser
def test_the_programs_answer_on_the_board(page: object) -> None:
    open_tab(page, "control")
    page.get_by_role("button", name="4", exact=True).click()
    page.get_by_text(re.compile(r"hybrid.*: column \d, value")).wait_for()
    page.get_by_role("heading", name="Red to move").wait_for()


@pytest.mark.browser
def test_speech_in_a_browser(page: object) -> None:
    open_tab(page, "speech")
    page.get_by_role("button", name="Speak").locator("visible=true").click()
    page.get_by_text(re.compile(r"griffin_lim .*, in [\d.]+")).wait_for()


@pytest.mark.browser
def test_text_to_speech_in_a_browser(page: object) -> None:
    open_tab(page, "tts")
    page.get_by_role("button", name="Speak").locator("visible=true").click()
    page.get_by_text(re.compile(r"splicing .*, in [\d.]+")).wait_for()
    page.get_by_label("Text", exact=True).fill("a b " * 2500)
    page.get_by_role("button", name="Speak").locator("visible=true").click()
    told(page, "given 10,000 characters, wanted 300 at most")


@pytest.mark.browser
def test_databases_in_a_browser(page: object) -> None:
    open_tab(page, "databases")
    page.get_by_role("button", name="Look up").click()
    page.get_by_text(re.compile("inner levels of 17 children")).wait_for()
    page.get_by_label("A key").fill("no key")
    page.get_by_role("button", name="Look up").click()
    told(page, "given 'no key', wanted a whole number or an IPv4 address")


@pytest.mark.browser
def test_a_phone_sees_all_of_it(page: object) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for name in SHIPPED:
        page.wait_for_timeout(500)
        shown = page.get_by_role("tab", name=name, exact=True)
        if not shown.count():
            page.get_by_label("More tabs").click()
            shown = page.locator(".overflow-dropdown button", has_text=name)
        shown.click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
