"""What a reader sets is the widget's, and what is set there is shown, in every view."""

import base64

import numpy as np
import pytest
import torch
from anywidget import AnyWidget
from book_pages import ROOT
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from PIL import Image
from traitlets import TraitError

from colorlab import ColorNet, bin_centers
from colorlab.widgets import (
    Coherence,
    ColorSolid,
    Curtain,
    Fence,
    GamutExplorer,
    Journey,
    LayerMaps,
    LearningFilm,
    LookAlikes,
    LossPlayground,
    Matches,
    Microscope,
    NetworkGame,
    PriorBench,
    ReceptiveField,
    SoftEncodingPicker,
    TemperatureExplorer,
    TuringTest,
    TwoColors,
    WhichIsDead,
    read_film,
)
from colorlab.widgets.game import Round

CENTERS = bin_centers().tolist()
# A model as anywidget gives it, and views of it; and who listens to the page itself.
HARNESS = """async ([esm, css, given]) => {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const read = (value) =>
    value?.base64 === undefined ? value : new DataView(bytes(value.base64).buffer);
  const traits = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, read(value)]));
  window.listeners = [];
  window.saved = 0;
  window.model = {
    traits,
    get: (name) => traits[name],
    set(name, value) {
      if (JSON.stringify(traits[name]) === JSON.stringify(value)) return;
      traits[name] = value;
      for (const { event, hear } of [...listeners])
        if (event === `change:${name}`) hear();
    },
    save_changes: () => window.saved++,
    on: (event, hear) => listeners.push({ event, hear }),
    off(event, hear) {
      const at = listeners.findIndex((one) => one.event === event && one.hear === hear);
      if (at >= 0) listeners.splice(at, 1);
    },
  };
  window.onPage = [];
  for (const target of [document, window]) {
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = function (kind, hear, options) {
      onPage.push({ kind, hear, signal: options?.signal });
      addEventListener.call(this, kind, hear, options);
    };
    target.removeEventListener = function (kind, hear, options) {
      window.onPage = onPage.filter((one) => one.kind !== kind || one.hear !== hear);
      removeEventListener.call(this, kind, hear, options);
    };
  }
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: { render } } = await import(url);
  window.addresses = new Set(); // of files, until they are given back
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const made = createObjectURL.call(URL, blob);
    addresses.add(made);
    return made;
  };
  URL.revokeObjectURL = (made) => {
    addresses.delete(made);
    revokeObjectURL.call(URL, made);
  };
  window.views = window.globals = [];
  window.globals = Object.keys(window).length;
  window.views = [0, 1].map((i) => {
    const el = document.createElement("div");
    el.id = `view-${i}`;
    const [still, cell] = ["tag_still", "cell"].map((name) =>
      Object.assign(document.createElement("div"), { className: name }));
    cell.append(el);
    document.body.append(still, cell);
    return { el, leave: render({ model, el }) };
  });
}"""
LISTENING = """() => [listeners.length,
  onPage.filter(({ signal }) => !signal?.aborted).map(({ kind }) => kind)]"""
# Addresses of files differ from view to view.
SHOWN = """(i) => views[i].el.innerHTML.replace(/blob:[^"]*/g, "")"""
UNTIL_LOADED = """async () => {
  while (document.querySelector('[aria-busy="true"]'))
    await new Promise((done) => setTimeout(done, 20));
}"""
LEAVE = """(i) => {
  views[i].leave();
  views[i].el.remove();
}"""


def noise(height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height))


def curtain():
    return Curtain({name: noise(40, 60, i) for i, name in enumerate("abc")})


def temperature():
    torch.manual_seed(1)
    photos = [("one", noise(48, 72), 0.5, 0.5), ("two", noise(48, 72, 1), 0.1, 0.9)]
    return TemperatureExplorer(ColorNet(width=4).eval(), photos, size=48)


def coherence():
    logits = np.full((313, 6, 9), -9.0)
    logits[:90] = 3 * np.random.default_rng(0).normal(size=(90, 6, 9))
    return Coherence(noise(48, 72), logits)


def quiz():
    suspects = {"healthy": (60, "young"), "rate-high": (200, "dead")}
    return WhichIsDead(read_film(ROOT / "data"), suspects, "rate-high")


def press(role, name, key):
    return lambda figure: figure.get_by_role(role, name=name, exact=True).press(key)


def click(name):
    return lambda figure: figure.get_by_role("button", name=name, exact=True).click()


def fill(label, value):
    return lambda figure: figure.get_by_label(label, exact=True).fill(value)


def choose(label, value):
    return lambda figure: figure.get_by_label(label, exact=True).select_option(value)


def press_in(selector, key):
    return lambda figure: figure.locator(selector).first.press(key)


# Of each widget: what Python sets and a text that then is shown; what a reader does,
# and the traits that follow.
PLAYED = {
    "curtain": (
        curtain,
        [({"share": 0.25}, "25 % a, 75 % c"), ({"left": "b"}, "25 % b, 75 % c")]
        + [({"right": "a"}, "25 % b, 75 % a")],
        [
            (press("slider", "Curtain", "End"), {"share": 1}),
            (choose("Coloring on the right", "c"), {"right": "c"}),
            (click("\u21c4 swap"), {"left": "c", "right": "b"}),
        ],
    ),
    "gamut": (
        GamutExplorer,
        [({"L": 20}, "screen colors of L 20"), ({"step": 3}, "313 bins")]
        + [({"point": [0, 0]}, "Center a 0, b 0: bin 120")],
        [
            (fill("Lightness L", "30"), {"L": 30}),
            (click("2. Inside the hull"), {"step": 2}),
            (press_in("canvas.plane", "ArrowUp"), {"point": [0, 10]}),
        ],
    ),
    "fence": (
        Fence,
        [({"angle": 900, "tried": 900}, "90\u00b0"), ({"padded": True}, "farther for")],
        [
            (press_in("canvas.plane", "ArrowRight"), {"angle": 910, "tried": 910}),
            (fill("Direction of the fence", "3600"), {"angle": 3600, "tried": 3600}),
            (click("push out by the square"), {"padded": False}),
        ],
    ),
    "solid": (
        ColorSolid,
        [({"morph": 1}, "The solid of Lab"), ({"L": 50}, "The cut at L 50")]
        + [({"yaw": 90}, "turned by 90\u00b0"), ({"pitch": 45}, "seen from 45\u00b0")],
        [
            (press_in("canvas.plane", "ArrowLeft"), {"yaw": 85}),
            (click("from above"), {"yaw": 0, "pitch": 90}),
            (fill("Lightness of the cut", "30"), {"L": 30}),
            (fill("From the RGB cube to Lab", "0.5"), {"morph": 0.5, "L": 100}),
        ],
    ),
    "film": (
        lambda: LearningFilm(read_film(ROOT / "data")),
        [({"run": 1}, "Somebody typed 1"), ({"frame": 3}, "After step 80")]
        + [({"view": "gray"},), ({"metric": "top_bin"},)],
        [
            (press("slider", "Step", "ArrowRight"), {"frame": 4}),
            (click("the truth"), {"view": "the truth"}),
            (choose("Figure", "chroma / true"), {"metric": "share"}),
            (choose("Run", "red for blue"), {"run": 4}),
        ],
    ),
    "quiz": (
        quiz,
        [({"opened": ["loss", ""]}, "loss of run A"), ({"answer": 1}, "Right")],
        [
            (click("play again"), {"opened": ["", ""], "answer": -1}),
            (press_in(".card button", "Enter"), {"opened": ["picture", ""]}),
            (click("I say A"), {"answer": 0}),
        ],
    ),
    "journey": (
        lambda: Journey(
            ColorNet(width=4).eval(),
            noise(48, 72),
            {"here": (0.1, 0.1), "there": (0.9, 0.9)},
            size=48,
        ),
        [({"station": 3}, "At T = 0.38"), ({"T": 0.5}, "At T = 0.50")]
        + [({"followed": 1},)],
        [
            (click("6 joined"), {"station": 5}),
            (click("here"), {"followed": 0}),
            (press_in("canvas.stage", "ArrowLeft"), {"station": 4}),
        ],
    ),
    "prior": (
        lambda: PriorBench(noise(20, 30)),
        [
            ({"lam": 0.25}, "0.25"),
            ({"sigma": 9}, "9.0"),
            ({"scale": "linear"}, "linear scale"),
        ]
        + [({"bin": 0, "pixel": []}, "Framed bin (\u221290, 50)")],
        [
            (fill("Lambda", "0.75"), {"lam": 0.75}),
            (fill("Sigma, in ab units", "2"), {"sigma": 2}),
            (click("log"), {"scale": "log"}),
            (press_in("canvas.plane", "ArrowRight"), {"bin": CENTERS.index([-80, 50])}),
            (press_in(".frame", "ArrowRight"), {"pixel": [1, 0]}),
        ],
    ),
    "field": (
        lambda: ReceptiveField(noise(64, 64)),
        [({"cell": [2, 3]}, "Cell in column 3 of 16, row 4"), ({"layer": "conv5_1"},)]
        + [({"dilation": 1}, "With dilation 2"), ({"since": "block"},)],
        [
            (press_in("canvas.whole", "ArrowRight"), {"cell": [3, 3]}),
            (press("slider", "Layer", "ArrowRight"), {"layer": "conv5_2"}),
            (click("dilation 2, as built"), {"dilation": 2}),
            (click("since conv5_1"), {"since": "conv5"}),
        ],
    ),
    "microscope": (
        lambda: Microscope(
            ColorNet(width=4).eval(), {"one": noise(48, 48), "two": noise(60, 48)}
        ),
        [({"stride": 2}, "24 \u00d7 24"), ({"padding": 0}, "23 \u00d7 23")]
        + [({"dilation": 2}, "22 \u00d7 22")]
        + [({"cell": [2, 3]}, "Row 4, column 3"), ({"bias": 9}, "with the bias")]
        + [({"kernel": [0] * 8 + [1000]},), ({"photo": 1},), ({"relu": True},)],
        [
            (press_in("canvas.output", "ArrowRight"), {"cell": [3, 3]}),
            (click("then ReLU"), {"relu": False}),
            (click("identity"), {"kernel": [0] * 4 + [1] + [0] * 4, "bias": 0}),
            (choose("Photo", "one"), {"photo": 0}),
        ],
    ),
    "maps": (
        lambda: LayerMaps(
            ColorNet(width=4).eval(), {"one": noise(64, 64), "two": noise(64, 64, 1)}
        ),
        [({"layer": 3}, "12 of the 32 channels of conv4_3"), ({"photo": 1},)]
        + [({"spot": [0, 0]}, "Row 1, column 1"), ({"tile": 5},)],
        [
            (press_in("canvas.sheet", "ArrowRight"), {"spot": [1.5 / 16, 0.5 / 16]}),
            (press_in("canvas.sheet", "Shift+ArrowDown"), {"tile": 9}),
            (press("slider", "Layer", "ArrowRight"), {"layer": 4}),
            (choose("Photo", "one"), {"photo": 0}),
        ],
    ),
    "look-alikes": (
        lambda: LookAlikes(
            ColorNet(width=2).eval(), {f"photo {i}": noise(64, 64, i) for i in range(6)}
        ),
        [({"photo": 2}, "photo 2, row 4, column 4"), ({"cell": [0, 6]}, "row 7")]
        + [({"block": 1}, "of conv3"), ({"unit": 5}, "Unit 5")],
        [
            (press_in("canvas.plane", "ArrowUp"), {"cell": [0, 5]}),
            (click("conv2"), {"block": 0, "unit": 3}),
            (fill("Unit", "2"), {"unit": 2}),
            (choose("Photo", "photo 1"), {"photo": 1}),
        ],
    ),
    "matches": (
        lambda: Matches({"one": noise(30, 45), "two": noise(40, 30, 1)}),
        [({"k": 5}, "5 matches vote"), ({"view": "truth"}, "one, truth")]
        + [({"photo": 1}, "two, truth"), ({"example": 0}, "The example, one")]
        + [({"spot": [0.1, 0.1]}, "Row 5, column 4")],
        [
            (
                press_in(".photo:first-child canvas", "ArrowRight"),
                {"spot": [4.5 / 30, 4.5 / 40]},
            ),
            (fill("Number of matches", "1"), {"k": 1}),
            (click("colored"), {"view": "colored"}),
            (choose("Example", "two"), {"example": 1}),
        ],
    ),
    "coherence": (
        coherence,
        [({"smoothness": 0.05}, "0.050"), ({"cell": [4, 5]}, "Row 6, column 5")]
        + [({"view": "labels"}, "The map of the bins chosen")],
        [
            (fill("Smoothness", "0.1"), {"smoothness": 0.1, "view": "labels"}),
            (press_in("canvas.picture", "ArrowUp"), {"cell": [4, 4]}),
            (click("truth"), {"view": "truth"}),
            (fill("Smoothness", "0"), {"smoothness": 0, "view": "colored"}),
        ],
    ),
    "encoding": (
        SoftEncodingPicker,
        [({"color": [1, 2]}, "color a 1.0, b 2.0"), ({"k": 2}, "2 nearest bins")]
        + [({"sigma": 2.5}, "2.5")],
        [
            (press_in("canvas.whole", "ArrowLeft"), {"color": [0, 2]}),
            (click("nearest bin: k 1"), {"k": 1}),
            (fill("Width sigma, in ab units", "7"), {"sigma": 7}),
        ],
    ),
    "temperature": (
        temperature,
        [({"T": 0}, "0 (mode)"), ({"cell": [4, 5]}, "Column 5 of 18, row 6 of 12")]
        + [({"view": "truth"}, "The photo, truth"), ({"photo": 1},)],
        [
            (fill("Temperature T", "0.5"), {"T": 0.5, "view": "colored"}),
            (press_in("canvas.picture", "ArrowUp"), {"cell": [4, 4]}),
            (click("uncertainty"), {"view": "uncertainty"}),
            (choose("Photo", "one"), {"photo": 0, "cell": [9, 6]}),
        ],
    ),
    "playground": (
        LossPlayground,
        [({"steps": 3}, "After 3 steps"), ({"counts": [1, 2, 1]}, "B 50&nbsp;%")]
        + [({"weight": 6}, "B 86&nbsp;%"), ({"rate": 1}, "1.00")]
        + [({"colors": [[60, 40], [10, -40], [0, 60]]}, "Color B, a 10, b \u221240")],
        [
            (click("1 step"), {"steps": 4}),
            (
                press_in(".handle", "ArrowLeft"),
                {"colors": [[58, 40], [10, -40], [0, 60]]},
            ),
            (fill("Photos in which C is true", "0"), {"counts": [1, 2, 0]}),
            (fill("How often each photo with B counts", "3"), {"weight": 3}),
            (fill("Learning rate", "0.5"), {"rate": 0.5}),
            (click("gray wall, rarely brick"), {"counts": [19, 1, 0], "steps": 0}),
        ],
    ),
    "two colors": (
        TwoColors,
        [
            ({"first": [10, 20]}, "A at a 10, b 20"),
            ({"second": [0, 5]}, "B at a 0, b 5"),
        ]
        + [({"share": 0.5}, "a tie"), ({"T": 1}, "T = 1.00")],
        [
            (press_in(".handle", "ArrowLeft"), {"first": [8, 20]}),
            (fill("Share of color A", "0.1"), {"share": 0.1}),
            (click("opposite colors"), {"second": [-30, -20], "share": 0.5}),
            (fill("Temperature T", "0.2"), {"T": 0.2}),
        ],
    ),
}


def unsynced(widget):
    return {"comm", "keys", "layout", "tabbable", "tooltip"} | {
        name for name in widget.trait_names() if name.startswith("_")
    }


def open_views(page, widget):
    """Render two views of a widget's state on an empty page."""
    state = {
        name: {"base64": base64.b64encode(value).decode()}
        if isinstance(value, bytes)
        else value
        for name, value in widget.get_state().items()
        if name not in unsynced(widget)
    }
    page.goto("about:blank")
    page.evaluate(HARNESS, [widget._esm, widget._css, state])
    page.evaluate(UNTIL_LOADED)
    return [page.locator(f"#view-{i}") for i in range(2)]


@pytest.fixture
def page(browser):
    page = browser.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.close()
    assert problems == []


@pytest.mark.browser
@pytest.mark.parametrize("name", PLAYED)
def test_traits_go_both_ways(page, name):
    make, outside, inside = PLAYED[name]
    figures = open_views(page, make())
    for change, *told in outside:
        before = page.evaluate(SHOWN, 0)
        for trait, value in change.items():
            page.evaluate("([trait, value]) => model.set(trait, value)", [trait, value])
        shown = [page.evaluate(SHOWN, i) for i in range(2)]
        assert shown[0] == shown[1] != before, change
        assert all(text in shown[0] for text in told), change
    assert page.evaluate("saved") == 0
    for i, (act, expected) in enumerate(inside):
        act(figures[i % 2])
        traits = page.evaluate("model.traits")
        assert {name: traits[name] for name in expected} == expected
        assert page.evaluate("saved") > i
        assert page.evaluate(SHOWN, 0) == page.evaluate(SHOWN, 1), expected


def played_once(name):
    """Make a figure that keeps its state in the tab, not in traits."""
    if name == "game":
        sky = Round(noise(16, 24), 0.5, 0.5, "")
        return NetworkGame(ColorNet(width=2).eval(), {"sky": sky}, "abc", size=16)
    return TuringTest({"one": (noise(8, 8), noise(8, 8, 1))}, {}, "abc")


@pytest.mark.browser
@pytest.mark.parametrize("name", [*PLAYED, "game", "turing"])
def test_a_view_that_is_removed_leaves_nothing(page, name):
    open_views(page, PLAYED[name][0]() if name in PLAYED else played_once(name))
    model, kinds = page.evaluate(LISTENING)
    played = PLAYED[name][1] if name in PLAYED else []
    traits = {trait for change, *_ in played for trait in change}
    traits |= {"photo"} if name == "curtain" else set()  # which has but one here
    assert model == 2 * len(traits)
    assert bool(kinds) == (name == "turing")
    replaced = page.locator(".tag_still.replaced")
    assert replaced.count() == 2
    files = page.evaluate("addresses.size")
    assert files or name not in {"curtain", "maps", "look-alikes", "prior", "field"}
    page.evaluate(LEAVE, 0)
    assert page.evaluate("addresses.size") == files // 2
    assert page.evaluate(LISTENING) == [model // 2, kinds[: len(kinds) // 2]]
    assert replaced.count() == 1
    page.evaluate(LEAVE, 1)
    assert replaced.count() == 0
    assert page.evaluate(LISTENING) == [0, []]
    assert page.evaluate("addresses.size") == 0
    assert page.evaluate("Object.keys(window).length === globals")


@pytest.mark.parametrize("name", PLAYED)
def test_no_trait_hides_one_that_widgets_need(name):
    """Such as `log`, which is every widget's logger."""
    widget = type(PLAYED[name][0]())
    assert not set(widget.class_own_traits()) & set(dir(AnyWidget))


@pytest.mark.parametrize("name", ["left", "right"])
def test_a_curtain_takes_a_networks_name(name):
    images = {each: noise(8, 8) for each in ("l2", "class", "rebal")}
    widget = Curtain(images)
    setattr(widget, name, "class")
    assert getattr(widget, name) == "class: classification"
    with pytest.raises(TraitError, match="must be one of"):
        setattr(widget, name, "violet")


@pytest.mark.parametrize(
    ("make", "name", "wrong"),
    [
        (TwoColors, "share", 1.1),
        (TwoColors, "T", 0),
        (SoftEncodingPicker, "k", 11),
        (GamutExplorer, "step", 4),
        (lambda: PriorBench(noise(20, 30)), "lam", -1),
    ],
)
def test_what_the_arguments_refuse_the_traits_refuse(make, name, wrong):
    widget = make()
    with pytest.raises(TraitError, match=name):
        setattr(widget, name, wrong)
