"""The page in a real browser: from an empty collection to a cited answer, and nothing leaves it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fpdf import FPDF

import ui
from ui import labels, search_labels
from ui.pages import PAGES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
REASON = "no chromium on this machine (Debian: apt-get install chromium)"

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason=REASON)]

TIMEOUT_MS = 30_000
START_TIMEOUT_S = 30
SERVE = """
import sys
from pathlib import Path
from ui.launch import launch
sys.exit(launch(collection=Path(sys.argv[1]), port=int(sys.argv[2]), headless=True))
"""
FACTS = (
    "The beacon of Grey Skerry was lit for the first time in 1871.",
    "The keeper of the beacon winds the clockwork every nine hours.",
    "The stores of the beacon hold lamp oil for forty days.",
)
QUESTION = "How often does the keeper of the beacon wind the clockwork?"
HOSTILE_NAME = "<img src=x onerror=alert(1)> $x^2$ _b_ http_www.evil.example.txt"
HOSTILE = """# <img src=http://evil.example/1.png onerror=alert(1)> $x^2$ :red[alarm]

The gannet count on the skerry was 412. ![p](http://evil.example/2.png) <script>alert(1)</script>
[go](javascript:alert(1)) www.evil.example $y^2$ :smile: <mark>fake quote</mark>
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_listening(process, port):
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_listening(port):
        assert time.monotonic() < deadline, "the server did not start"
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the server ended with {process.returncode}")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server of the page over an empty collection; Ctrl-C ends it at the end."""
    folder, port = tmp_path_factory.mktemp("page"), free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RAGAPP_")
    }
    environment |= {"PYTHONPATH": str(Path(ui.__file__).parent.parent), "HOME": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder / "collection"), str(port)],
        env=environment,
        cwd=folder,
    )
    try:
        wait_until_listening(process, port)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert not is_listening(port)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, address):
    """A visitor's page; at its end, every request must have gone to this machine."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    requested, dialogs = [], []
    context.on("request", lambda request: requested.append(request.url))
    opened.on("websocket", lambda websocket: requested.append(websocket.url))

    def dismiss(dialog):
        dialogs.append(dialog.message)
        dialog.dismiss()

    opened.on("dialog", dismiss)
    opened.goto(address)
    yield opened
    hosts = {urlsplit(url).hostname for url in requested if not url.startswith(("data:", "blob:"))}
    context.close()
    assert hosts == {"127.0.0.1"}
    assert dialogs == []


def go_to(page, label):
    page.get_by_test_id("stSidebarNavLink").get_by_text(label, exact=True).click()
    page.get_by_role("heading", name=label, exact=True).wait_for()


def add(page, name, kind, data, *, shown=None):
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": name, "mimeType": kind, "buffer": data}
    )
    page.get_by_role("button", name=labels.ADD_UPLOADS.en).click()
    page.locator(".ragapp-table td", has_text=shown or name).first.wait_for()


def ask(page, question, *, turn=1):
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")
    page.locator(f'a.ragapp-marker[href^="#quote-{turn}-"]').first.wait_for()


def beacon_pdf():
    pdf = FPDF()
    pdf.set_title("Grey Skerry beacon")
    for fact in FACTS:
        pdf.add_page()
        pdf.set_font("Helvetica", size=14)
        pdf.multi_cell(0, 10, fact)
    return bytes(pdf.output())


def test_a_pdf_is_added_and_asked_about_and_the_quote_is_highlighted(page):
    page.get_by_text(labels.EMPTY_COLLECTION.en).wait_for()
    page.get_by_test_id("stPageLink").get_by_text(labels.GO_TO_ADD_FILES.en).click()
    page.get_by_role("heading", name=labels.ADD_FILES.en, exact=True).wait_for()
    add(page, "beacon.pdf", "application/pdf", beacon_pdf())
    assert labels.ADDED.en in page.locator(".ragapp-table tbody").inner_text()

    go_to(page, labels.ASK.en)
    ask(page, QUESTION)
    quote = page.locator(".ragapp-evidence mark").first
    assert not quote.is_visible()
    page.locator("a.ragapp-marker").first.click()
    quote.wait_for(state="visible")

    assert "every nine hours" in quote.inner_text()
    opened = page.locator(".ragapp-evidence[open]")
    assert "p. 2" in opened.locator("summary").inner_text()
    assert "beacon.pdf" in opened.locator("dl").inner_text()

    page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name="中文").click()
    page.get_by_role("heading", name=labels.ASK.zh, exact=True).wait_for()
    page.get_by_text(labels.SOURCES.zh, exact=True).wait_for()
    assert "第 2 页" in page.locator(".ragapp-evidence summary").first.inner_text()
    page.wait_for_url("**lang=zh**")


def test_a_hostile_document_is_shown_and_does_nothing(page):
    go_to(page, labels.ADD_FILES.en)
    add(page, HOSTILE_NAME, "text/plain", HOSTILE.encode(), shown="onerror=alert(1)")
    page.get_by_label(labels.FOLDER.en).fill("/no/![x](www.evil.example/3.png):red[x]$z$")
    page.get_by_role("button", name=labels.ADD_FOLDER.en).click()
    alert = page.get_by_test_id("stAlert")
    alert.wait_for()
    shown = alert.inner_text().replace("\u2060", "")
    assert "/no/![x](www.evil.example/3.png):red[x]$z$" in shown

    go_to(page, labels.ASK.en)
    ask(page, "What was the gannet count on the skerry?")
    page.locator("a.ragapp-marker").first.click()
    page.locator(".ragapp-evidence mark").first.wait_for(state="visible")
    assert "<mark>fake quote</mark>" in page.locator(".ragapp-evidence[open]").inner_text()
    assert_nothing_came_alive(page)

    go_to(page, labels.LIBRARY.en)
    page.get_by_test_id("stMain").get_by_test_id("stSelectbox").locator("input").click()
    option = page.get_by_role("option").last
    assert "onerror=alert(1) $x^2$ _b_ http_www.evil.example.txt" in option.inner_text()
    option.click()
    page.locator(".ragapp-document").wait_for()
    assert "gannet count" in page.locator(".ragapp-document").inner_text()
    assert_nothing_came_alive(page)


def test_a_query_is_inspected_under_a_filter_and_nothing_comes_alive(page, address):
    page.goto(f"{address}/inspect?query=gannet+count&lang=en")
    page.locator(".ragapp-evidence").first.wait_for()
    for column in page.get_by_test_id("stColumn").all():
        column.locator("summary").first.click()
        column.locator("mark", has_text="gannet").first.wait_for(state="visible")
    assert_nothing_came_alive(page)

    page.get_by_placeholder(labels.FILTER_EXAMPLE.en).fill("beacon.pdf")
    page.keyboard.press("Enter")
    page.get_by_text("do not pass the filters").wait_for()
    page.locator(".ragapp-evidence mark", has_text="gannet").first.wait_for(state="detached")
    assert "beacon.pdf" in page.locator(".ragapp-evidence summary").first.inner_text()

    go_to(page, labels.ASK.en)
    page.locator(".ragapp-note", has_text="beacon.pdf").first.wait_for()


def test_an_evaluation_is_run_and_a_question_leads_to_its_explanation(page):
    go_to(page, labels.EVALUATE.en)
    page.get_by_role("button", name=search_labels.EVALUATE_NOW.en).click()
    page.get_by_text(search_labels.RUN_KEPT.en).wait_for()
    page.locator(".ragapp-table").nth(1).wait_for()
    chart = page.get_by_test_id("stVegaLiteChart").first
    chart.locator("canvas, svg").first.wait_for()
    assert "nDCG@10" in page.locator(".ragapp-table").nth(1).inner_text()

    page.get_by_test_id("stMain").get_by_test_id("stPageLink").first.locator("a").click()
    page.get_by_role("heading", name=labels.INSPECT.en, exact=True).wait_for()
    page.locator(".ragapp-evidence").first.wait_for()
    assert page.get_by_label(search_labels.QUERY.en).input_value().strip()


@pytest.mark.parametrize("name", [label.en for label in (page.title for page in PAGES)])
def test_no_page_is_wider_than_a_telephone(page, name):
    go_to(page, name)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".stMain h1").wait_for()

    widths = page.locator(".stMain").evaluate("main => [main.scrollWidth, main.clientWidth]")
    assert widths[0] <= widths[1] <= 390


def assert_nothing_came_alive(page):
    main = page.locator(".stMain")
    assert main.count() == 1
    assert main.locator("img, script, iframe, .katex, [onerror]").count() == 0
    assert main.locator('a[href*="evil"], a[href^="javascript"]').count() == 0
    assert main.locator(".ragapp-evidence mark", has_text="fake quote").locator("mark").count() == 0
