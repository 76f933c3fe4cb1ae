"""The built book in Firefox and in WebKit, from its folder: seen, moved, pressed."""

import json

import other_browsers
import pytest
from book_pages import BUILT, PAGES
from other_browsers import DOWN, ENTER, TAB, UP

pytestmark = pytest.mark.stress

# A wait for one thing, and all waits of a script: what is dead is told in good time.
EACH, ALL = 30, other_browsers.PATIENCE - 20  # seconds
WAIT = (
    f"const EACH = {EACH}, ALL = {ALL};"
    + """
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const end = performance.now() + 1000 * ALL;
const until = async (done) => {
  const late = Math.min(end, performance.now() + 1000 * EACH);
  while (performance.now() < late && !done()) await pause(100);
  return done();
};
"""
)
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
      if (!button.checkVisibility() || button.disabled) continue;
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
AT_REST = (
    f"async () => {{{WAIT}"
    + """
  const count = (found) => document.querySelectorAll(found).length;
  const raw = () => [...document.querySelectorAll("article .math")]
    .some((place) => !place.querySelector("mjx-container"));
  await until(() => count(".widget-subarea .lab-figure")
    === count('script[type$="widget-view+json"]') && !raw());
}"""
)
# The middle of what is found, moved into view.
SPOT = """async () => {
  const node = document.querySelectorAll(%s)[%d];
  node.scrollIntoView({ block: "center", behavior: "instant" });
  const { left, top, width, height } = node.getBoundingClientRect();
  return [Math.round(left + width / 2), Math.round(top + height / 2)];
}"""
# The chapter's questions as they stand: what is told, chosen and has the focus.
ASKED = """async () => {
  const inputs = [...document.querySelectorAll(".quiz input")];
  const places = (have) => inputs.flatMap((input, i) => (have(input) ? [i] : []));
  const reasons = [...document.querySelectorAll(".quiz .reasons > p")];
  return {
    told: document.querySelector(".quiz-count").textContent,
    chosen: places((input) => input.checked),
    focus: places((input) => input === document.activeElement),
    reasons: reasons.flatMap((node, i) => (node.checkVisibility() ? [i] : [])),
  };
}"""
# The same of the four runs, one of which is dead.
RUNS = """async () => {
  const figure = document.querySelector(".widget-subarea .dead-quiz");
  const cards = [...figure.querySelectorAll(".card")];
  return {
    shut: cards.map((card) => card.querySelectorAll("button:disabled").length),
    charts: cards.map((card) => card.querySelectorAll("svg polyline").length),
    told: figure.querySelector(".verdict").textContent,
    focus: document.activeElement.textContent,
  };
}"""


def click(other, found, n=0):
    other.drag([other.run(SPOT % (json.dumps(found), n))])


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


def test_questions_are_answered_by_mouse_and_by_keys(other):
    other.open((BUILT / "book/train.html").as_uri())
    other.run(AT_REST)
    click(other, ".quiz label", 1)
    asked = other.run(ASKED)
    assert asked["told"] == "1 of 5 answered, 0 right at the first try."
    assert asked["chosen"] == asked["focus"] == asked["reasons"] == [1]
    other.press(TAB + DOWN + DOWN + DOWN + UP)
    asked = other.run(ASKED)
    assert (asked["chosen"], asked["focus"]) == ([1], [5])
    other.press(" ")
    asked = other.run(ASKED)
    assert asked["told"] == "2 of 5 answered, 1 right at the first try."
    assert asked["chosen"] == asked["reasons"] == [1, 5]
    click(other, ".quiz-again")
    asked = other.run(ASKED)
    assert asked == {"told": "", "chosen": [], "focus": [0], "reasons": []}


def test_the_dead_run_is_named_by_mouse_and_by_keys(other):
    other.problems.clear()
    other.open((BUILT / "book/train.html").as_uri())
    other.run(AT_REST)
    loss, pictures = 1, 0
    click(other, ".dead-quiz .card button", loss)
    click(other, ".dead-quiz .card button", pictures)  # shut: one figure a run
    runs = other.run(RUNS)
    assert (runs["shut"], runs["charts"]) == ([3, 0, 0, 0], [2, 0, 0, 0])
    click(other, ".dead-quiz .card button", loss)
    other.press(13 * TAB)  # past four figures of each other run
    assert other.run(RUNS)["focus"] == "I say A"
    other.press(ENTER)
    runs = other.run(RUNS)
    assert "Each run now tells what it is" in runs["told"]
    assert (runs["shut"], runs["focus"]) == ([0, 0, 0, 0], "play again")
    other.press(" ")
    runs = other.run(RUNS)
    assert (runs["told"], runs["charts"]) == ("", [0, 0, 0, 0])
    assert runs["focus"] == "its pictures"
    assert other.problems == []
