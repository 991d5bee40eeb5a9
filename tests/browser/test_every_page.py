"""Every page of the built site: all its own, without an error, and no wider than a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import StaticServer

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_is_whole(site: StaticServer, chromium: Browser, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("request", lambda request: elsewhere(request.url))
    page.on("response", lambda response: missing(response.status, response.url))

    def elsewhere(url: str) -> None:
        if not url.startswith((site.url, "data:", "blob:")):
            wrong.append(f"{page.url}: loads {url}")

    def missing(status: int, url: str) -> None:
        if status >= 400:
            wrong.append(f"{page.url}: {status} for {url}")

    for path in sorted(Path(site.folder).rglob("*.html")):
        name = path.relative_to(site.folder).as_posix()
        if name.startswith("assets/"):
            continue
        page.goto(site.url + name, wait_until="networkidle")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{name}: is wider than {width} px")
    assert wrong == []
    context.close()


def test_search_works_in_a_folder_without_a_server(site: StaticServer, page: Page) -> None:
    page.goto((Path(site.folder) / "index.html").as_uri())
    page.get_by_role("textbox", name="Search").fill("dangerous structure")
    expect(page.locator(".md-search-result__meta")).to_contain_text("matching document")
    expect(page.locator(".md-search-result__item").first).to_contain_text("isolation")
    assert page.errors == []


def test_a_cell_of_the_matrix_opens_its_run(site: StaticServer, page: Page) -> None:
    page.goto(site.url + "databases/isolation-matrix.html")
    cell = page.locator("tr", has_text="both off call").locator("td.postgresql a").last
    assert cell.inner_text() == "aborts"
    figure = page.locator("figure.simulation")
    expect(figure.get_by_role("button", name="Run")).to_be_visible()
    cell.click()
    expect(figure).to_be_in_viewport()
    expect(figure.get_by_label("Level", exact=True)).to_have_value("serializable")
    figure.get_by_role("button", name="Run").click()
    expect(figure.locator(".sim-transcript")).to_contain_text("40001", timeout=60_000)
    assert page.errors == []


def test_a_figure_reached_from_another_folder_still_runs(site: StaticServer, page: Page) -> None:
    places = [site.url + path for path in ("index.html", "databases/isolation.html")]
    listed = "".join(f"<url><loc>{place}</loc></url>" for place in places)
    sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</urlset>'
    answer = {"body": sitemap, "content_type": "text/xml"}
    page.route("**/sitemap.xml", lambda route: route.fulfill(**answer))
    page.goto(site.url + "index.html", wait_until="networkidle")
    page.evaluate("window.visit = 1")
    page.get_by_role("link", name="The lesson on transaction isolation").click()
    page.wait_for_url("**/databases/isolation.html")
    figure = page.locator("figure.simulation").first
    figure.get_by_label("Level", exact=True).select_option("serializable")
    expect(figure.locator(".sim-transcript")).to_contain_text("40001", timeout=60_000)
    assert page.evaluate("window.visit") == 1
    assert page.errors == []
