"""The built book in Firefox and in WebKit, from its folder: seen, moved, pressed."""

import other_browsers
import pytest
from book_pages import BUILT, PAGES

pytestmark = pytest.mark.stress

WAIT = """
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const until = async (done) => {
  for (let i = 0; i < 600 && !done(); i++) await pause(100);
  return done();
};
"""
# What is wrong with a page once it is at rest; then each figure is played: sliders are
# moved, buttons pressed, choices changed, and something in the figure must answer.
PLAYED = (
    f"async () => {{{WAIT}"
    + """
  const wrong = [];
  addEventListener("error", (event) => wrong.push(event.message));
  addEventListener("unhandledrejection", (event) => wrong.push(`${event.reason}`));
  const places = document.querySelectorAll('script[type$="widget-view+json"]');
  const figures = () => [...document.querySelectorAll(".widget-subarea .lab-figure")];
  const whole = await until(() => figures().length === places.length);
  if (!whole) wrong.push("a figure is missing");
  const raw = () => [...document.querySelectorAll("article .math")]
    .filter((place) => !place.querySelector("mjx-container"));
  if (!await until(() => !raw().length)) wrong.push("raw formulas");
  const look = (figure) => figure.outerHTML + [...figure.querySelectorAll("canvas")]
    .map((canvas) => canvas.width && canvas.toDataURL()).join();
  for (const figure of figures()) {
    const kind = figure.className;
    const changes = async (what, node, run) => {
      const before = look(figure);
      run();
      const moved = await until(() => look(figure) !== before);
      if (!moved) wrong.push(`${kind}: ${what} is dead`);
    };
    for (const input of figure.querySelectorAll("input[type=range]")) {
      if (!input.checkVisibility()) continue;
      await changes(input.ariaLabel, input, () => {
        input.value = input.value === input.max ? input.min : input.max;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      });
    }
    for (const select of figure.querySelectorAll("select")) {
      if (!select.checkVisibility() || select.options.length < 2) continue;
      await changes(select.ariaLabel, select, () => {
        select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
        select.dispatchEvent(new Event("change", { bubbles: true }));
      });
    }
    for (const button of [...figure.querySelectorAll("button[aria-pressed=false]")]) {
      if (!button.checkVisibility()) continue;
      if (button.ariaPressed === "false") {
        await changes(button.innerText, button, () => button.click());
      }
    }
  }
  await pause(200);
  return wrong;
}"""
)
# Where a mouse draws: through the middle of the first figure's picture.
PLACES = """async () => {
  const PICTURE = ".widget-subarea .lab-figure :is(.stage, canvas:not(.icon))";
  return [...document.querySelectorAll(PICTURE)].slice(0, 1).map((node) => {
    node.scrollIntoView({ block: "center", behavior: "instant" });
    const { left, top, width, height } = node.getBoundingClientRect();
    return [0.3, 0.5, 0.7].map((share) =>
      [Math.round(left + share * width), Math.round(top + height / 2)]);
  });
}"""
PHOTO = (
    f"async () => {{{WAIT}"
    + """
  const alert = () => document.querySelector("[role=alert]").textContent;
  document.querySelector(".samples button").click();
  const colored = () => {
    const canvas = document.querySelector("canvas.after");
    if (!canvas?.width) return false;
    const { data } = canvas.getContext("2d").getImageData(
      canvas.width / 2, canvas.height / 2, 20, 20);
    return data.some((value, i) => i % 4 === 0 && Math.abs(value - data[i + 2]) > 3);
  };
  await until(() => colored() || alert());
  return alert() || (colored() ? "colored" : "gray");
}"""
)


@pytest.fixture(name="other", scope="module", params=["firefox", "webkit"])
def fixture_other(request, tmp_path_factory):
    """Start a browser; skip without it."""
    folder = tmp_path_factory.mktemp(request.param)
    with getattr(other_browsers, request.param)(folder) as page:
        if page is None:
            pytest.skip(f"no {request.param} here")
        yield page


@pytest.mark.parametrize("name", PAGES)
def test_figures_answer(other, name):
    other.problems.clear()
    other.open((BUILT / f"{name}.html").as_uri())
    assert other.run(PLAYED) == []
    for points in other.run(PLACES):
        other.drag(points)
    assert other.problems == []


def test_a_photo_is_colored(other):
    other.problems.clear()
    other.open((BUILT / "book/photo.html").as_uri())
    assert other.run(PHOTO) == "colored"
    assert other.problems == []


def test_the_search_shows_excerpts(other):
    other.open(f"{(BUILT / 'search.html').as_uri()}?q=rebalanced")
    shown = f"""async () => {{{WAIT}
      const found = () => document.querySelectorAll("#search-results li .context");
      await until(() => found().length > 2);
      return found().length;
    }}"""
    assert other.run(shown) > 2
