"""The page that colors a reader's photo: its files, its arithmetic, its manners."""

import base64
import functools
import gzip
import importlib.util
import io
import json
import re
import shutil
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import torch
from book_pages import BOOK, ROOT
from browser_fixtures import (  # noqa: F401 (the fixtures are used by name)
    PATIENCE,
    QuietHandler,
    fixture_browser,
    open_page,
)
from extensions import load
from page_networks import photo, rounded
from PIL import Image, ImageOps
from playwright.sync_api import expect
from test_widget_pages import PAUSE, small_targets, swipe

from colorlab import bin_centers, load_pretrained, upsample
from colorlab.colorize import colorize, network_size, output_to_ab
from colorlab.datasets.images import to_rgb, to_tensor
from colorlab.lab import rgb_to_lab

kernel = load(BOOK / "_tools/build_kernel.py")
PHOTOS = ROOT / "data/photos"
MOST_WIRE = {"tiny": 2.5e6, "borrowed": 5e6}  # bytes of a script, not compressed
AB_APART = 0.5  # ab units
ORIENTATION, TURNED = 0x0112, 6  # an EXIF tag, and its value for a quarter clockwise


@pytest.fixture(scope="module")
def tiny():
    return load_pretrained("tiny")


@pytest.fixture(scope="module")
def borrowed():
    return load_pretrained("borrowed")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the page's scripts and the part of the page that loads them."""
    folder = tmp_path_factory.mktemp("site")
    photo.write_scripts(folder / "_static/photo")
    text = (BOOK / "photo.md").read_text(encoding="utf-8")
    html = re.search(r"```\{raw\} html\n([\s\S]*?)```", text)[1]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>photo</title>'
    head += '<meta name="viewport" content="width=device-width">'
    head += '<link rel="icon" href="data:,"><body>'
    (folder / "book").mkdir()
    (folder / "book/photo.html").write_text(head + html, encoding="utf-8")
    return folder


@pytest.fixture
def address(site):
    return (site / "book/photo.html").as_uri()


def lake(width=120, height=80, mode="RGB"):
    return (
        Image.open(PHOTOS / "lake-pavilion.jpg").resize((width, height)).convert(mode)
    )


def encode(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# Files


def test_kernel_is_made_of_its_source():
    stored = (BOOK / "_photo/kernel.wasm").read_bytes()
    assert stored.startswith(b"\0asm")
    assert stored.endswith(kernel.hash_section()), "run book/_tools/build_kernel.py"


@pytest.mark.skipif(not importlib.util.find_spec("ziglang"), reason="no compiler here")
def test_kernel_is_what_the_compiler_makes(tmp_path):
    kernel.build(tmp_path / "kernel.wasm")
    stored = (BOOK / "_photo/kernel.wasm").read_bytes()
    assert (tmp_path / "kernel.wasm").read_bytes() == stored


def test_what_travels_is_small(site):
    sizes = {
        path.name: len(gzip.compress(path.read_bytes(), mtime=0))
        for path in (site / "_static/photo").iterdir()
    }
    assert sizes.pop("still.jpg") < 100_000  # asked for by printers only
    at_first = [n for n in sizes if n.endswith(".jpg")] + ["photo.js", "photo.css"]
    assert sum(sizes[name] for name in at_first) < 60_000
    assert sizes["engine.js"] < 60_000


@pytest.mark.parametrize("name", MOST_WIRE)
def test_a_network_weighs_what_the_page_says(site, name):
    weight = (site / f"_static/photo/{name}.js").stat().st_size
    assert weight < MOST_WIRE[name]
    told = (site / "_static/photo/photo.js").read_text().partition("MEGABYTES = ")[2]
    assert json.loads(told.partition(";")[0])[name] == round(weight / 1e6, 1)


def test_scripts_ask_nobody_and_write_no_html():
    texts = photo.page_script({}) + photo.engine_parts()["worker"]
    assert not re.findall(r"https?://|importScripts|fetch\(|XMLHttpRequest", texts)
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", texts
    )


def test_samples_are_the_historic_photos():
    stored = {path.stem for path in (PHOTOS / "historic").glob("*.jpg")}
    titles = re.findall(r'"([a-z-]+)":', (photo.SOURCES / "samples.js").read_text())
    assert set(titles) == set(photo.SAMPLES) == stored
    for name in stored:
        small = Image.open(io.BytesIO(photo.thumbnail(name)))
        assert small.size == photo.THUMBNAIL


# Arithmetic: the worker's functions, called in a page

CALL = """async ([tasks, files, parts, calls]) => {
  const load = (text) => import(
    URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const [worker, { encode }] = [await load(tasks), await load(files)];
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  await worker.start(parts);
  const found = [];
  for (const { file, size, T } of calls) {
    const start = performance.now();
    const blob = new Blob([bytes(file)]);
    const read = () => createImageBitmap(blob);
    const opened = worker.open({ bitmap: await read(), size }, () => {});
    const seconds = (performance.now() - start) / 1000;
    const { seen, rows, columns, height, width } = opened;
    const saved = await worker.save({ bitmap: await read(), T }, () => {});
    const written = await encode(saved.bitmap, "image/png");
    const result = new Uint8Array(await written.arrayBuffer());
    let text = "";
    for (const byte of result) text += String.fromCharCode(byte);
    const ab = Array.from(worker.chroma(T));
    found.push({ seen, rows, columns, height, width, seconds, ab, png: btoa(text) });
  }
  return found;
}"""


@pytest.fixture(scope="module")
def run(browser):
    """Give a function that colors files in the browser with the worker's functions."""
    page = browser.new_page()
    page.goto("about:blank")
    names = ("tasks.js", "files.js")
    tasks, files = (photo.bundle(photo.SOURCES / name) for name in names)

    def color(*calls, network="tiny"):
        sent = [
            {"file": base64.b64encode(file).decode(), "size": size, "T": T}
            for file, size, T in calls
        ]
        parts = photo.engine_parts() | {"program": photo.program(network)}
        return page.evaluate(CALL, [tasks, files, parts, sent])

    yield color
    page.close()


def own_ab(model, image, size, T):
    """Compute what `colorize` does before it joins, in cells."""
    height, width = network_size(image.height, image.width, size)
    small = to_rgb(image).resize((width, height), Image.Resampling.BILINEAR)
    L = rgb_to_lab(to_tensor(small)[None])[:, :1]
    with torch.inference_mode():
        return output_to_ab(model, model(L), T)


CASES = {
    "lake": (lambda: lake(640, 427), 128, 0.38),
    "lake-256": (lambda: lake(640, 427), 256, 0.38),
    "square-256": (lambda: lake(256, 256), 256, 0.38),
    "cat-tall": (lambda: cat((97, 300)), 128, 0.38),
    "cat-mean": (lambda: cat((301, 203)), 128, 1.0),
    "cat-vivid": (lambda: cat((301, 203)), 128, 0.1),
    "gray": (lambda: lake(200, 150, "L"), 128, 0.38),
    "palette": (lambda: lake(200, 150, "P"), 128, 0.38),
    "panorama": (lambda: lake(1200, 40), 64, 0.38),
    "one-pixel": (lambda: lake(1, 1), 128, 0.38),
    "half-way": (lambda: lake(100, 100), 100, 0.38),  # 12.5 strides: rounded to even
}


def cat(size):
    return Image.open(PHOTOS / "cat-chelsea.jpg").convert("RGB").resize(size)


def page_ab(found):
    shape = (1, found["rows"], found["columns"], 2)
    return torch.tensor(found["ab"]).view(shape).permute(0, 3, 1, 2)


@pytest.mark.browser
@pytest.mark.parametrize("case", CASES)
def test_page_colors_as_colorize_does(run, tiny, case):
    make, size, T = CASES[case]
    image = make()
    (found,) = run((encode(image), size, T))
    assert tuple(found["seen"]) == network_size(image.height, image.width, size)
    ab, expected = page_ab(found), own_ab(tiny, image, size, T)
    # The mean distance over pixels; a mode that is a near tie may flip at T = 0.1.
    whole = [upsample(each, (image.height, image.width)) for each in (ab, expected)]
    apart = (whole[0] - whole[1]).abs().max()
    assert apart < AB_APART
    colored = np.asarray(colorize(image, tiny, T, size).convert("RGB"), dtype=int)
    page = Image.open(io.BytesIO(base64.b64decode(found["png"]))).convert("RGB")
    assert np.abs(np.asarray(page) - colored).max() <= 1  # of rounding


@pytest.mark.browser
def test_jpeg_files_are_decoded_nearly_alike(run, tiny):
    """Two decoders of JPEG may differ by a level, and so may all that follows."""
    for name in ("lake-pavilion", "coffee-cup", "historic/dust-bowl-home"):
        path = PHOTOS / f"{name}.jpg"
        (found,) = run((path.read_bytes(), 128, 0.38))
        image = Image.open(path)
        expected = own_ab(tiny, image, 128, 0.38)
        assert (page_ab(found) - expected).abs().max() < AB_APART


@pytest.mark.browser
@pytest.mark.parametrize("size", [128, 256])
def test_borrowed_colors_the_old_photos_as_in_python(run, borrowed, size):
    T, names = borrowed.card["T"], photo.SAMPLES
    images = [Image.open(photo.PHOTOS / f"{name}.jpg") for name in names]
    exact = rounded(borrowed, photo.NETWORKS["borrowed"])
    calls = [(encode(image), size, T) for image in images]
    means = []
    for image, found in zip(images, run(*calls, network="borrowed"), strict=True):
        ab = page_ab(found)
        assert (ab - own_ab(exact, image, size, T)).abs().max() < AB_APART
        apart = (ab - own_ab(borrowed, image, size, T)).norm(dim=1)
        means.append(apart.mean().item())
    # What one byte a weight costs, as a mean over all photos and over the worst.
    assert np.mean(means) < AB_APART
    assert max(means) < 2 * AB_APART


@pytest.mark.browser
@pytest.mark.parametrize("case", ["cat-tall", "panorama", "one-pixel"])
def test_borrowed_colors_all_shapes_as_in_python(run, borrowed, case):
    make, size, _ = CASES[case]
    (found,) = run((encode(make()), size, 0.6), network="borrowed")
    exact = rounded(borrowed, photo.NETWORKS["borrowed"])
    assert (page_ab(found) - own_ab(exact, make(), size, 0.6)).abs().max() < AB_APART


@pytest.mark.browser
@pytest.mark.parametrize("network", photo.NETWORKS)
def test_a_square_of_256_takes_less_than_two_seconds(run, network):
    file = encode(lake(256, 256))
    found = run(*[(file, 256, 0.38)] * 3, network=network)
    assert min(each["seconds"] for each in found) < 2


# Files of all kinds, given to the page


def give(page, content, name="given.png", kind=""):
    """Choose a file."""
    page.locator(".drop input[type=file]").set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )


def shown(page, width, height):
    """Wait until a photo of this size is shown."""
    page.get_by_text(f"{width} \u00d7 {height} pixels").wait_for()
    page.wait_for_function("!document.querySelector('[role=status]').textContent")


def download(page, kind="PNG", strip=False):
    name = "with a strip" if strip else "alone"
    page.get_by_role("group", name="Strip").get_by_role("button", name=name).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Download {kind}").click()
    path = waiting.value.path()
    return waiting.value.suggested_filename, Image.open(path)


def huge_header(width, height):
    """Change a PNG's header only: a bomb."""
    bomb = bytearray(encode(Image.new("L", (8, 8))))
    bomb[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(bomb)


NO_PICTURES = {
    "text": (b"These are words.", "no picture"),
    "empty": (b"", "empty"),
    "noise": (bytes(range(256)) * 40, "no picture"),
    "drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "no picture"),
    "cut-png": (encode(lake())[:200], "PNG file is damaged"),
    "cut-jpeg": (encode(lake(), "JPEG")[:400], "JPEG file is damaged"),
    "bomb": (huge_header(30000, 30000), "900 megapixels; the page takes up to 64"),
    "long": (huge_header(20000, 10), "20000 by 10 pixels"),
}


DEPEND = """async ([tasks, parts, file, asked]) => {
  const worker = await import(
    URL.createObjectURL(new Blob([tasks], { type: "text/javascript" })));
  await worker.start(parts);
  const bytes = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  worker.open({ bitmap, size: 64 }, () => {});
  const shifts = [];
  for (let square = 0, many = 1; square < many; square++) {
    const { shift, across, down } = worker.depend({ ...asked, square });
    many = across * down;
    shifts.push(shift);
    asked.shape = [down, across];
  }
  return [shifts, ...asked.shape];
}"""


@pytest.mark.browser
def test_the_map_of_what_a_color_depends_on_is_pythons(browser, tiny):
    image, parts, (row, column) = lake(96, 64), 2, (5, 9)
    page = browser.new_page()
    page.goto("about:blank")
    given = photo.engine_parts() | {"program": photo.program("tiny")}
    asked = {"row": row, "column": column, "T": 0.38, "parts": parts}
    file = base64.b64encode(encode(image)).decode()
    tasks = photo.bundle(photo.SOURCES / "tasks.js")
    shifts, *shape = page.evaluate(DEPEND, [tasks, given, file, asked])
    page.close()
    assert shape == [2, 3]
    L = rgb_to_lab(to_tensor(image)[None])[:, :1]
    with torch.inference_mode():
        ab = output_to_ab(tiny, tiny(L), 0.38)[0, :, row, column]
        for i, shift in enumerate(shifts):
            covered, (top, left) = L.clone(), divmod(i, 3)
            square = (slice(32 * top, 32 * top + 32), slice(32 * left, 32 * left + 32))
            covered[..., square[0], square[1]] = L.mean()
            moved = output_to_ab(tiny, tiny(covered), 0.38)[0, :, row, column]
            assert (moved - ab).norm().item() == pytest.approx(shift, abs=0.1)
    assert max(shifts) > 5


@pytest.mark.browser
def test_the_photo_can_be_broken_and_mended(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake(240, 160)))
        shown(page, 240, 160)
        whole = page.evaluate(PIXELS, ".after")
        page.get_by_text("Break it").click()

        def broken(press):
            before = page.evaluate(PIXELS, ".after")
            press()
            wait_for_pixels(page, ".after", before)
            expect(page.locator(".told.busy")).to_have_count(0)  # it is done

        broken(lambda: page.get_by_role("slider", name="Light").press("ArrowLeft"))
        broken(lambda: page.get_by_role("slider", name="Blur").press("ArrowRight"))
        broken(lambda: page.get_by_role("button", name="Upside down").press("Enter"))
        page.get_by_role("button", name="cover").click()
        page.locator(".stage").scroll_into_view_if_needed()
        box = page.locator(".stage").bounding_box()
        top = (box["x"] + 30, box["y"] + 3)
        broken(lambda: page.mouse.click(*top))
        broken(lambda: page.locator(".after").press("Shift+ArrowRight"))
        page.get_by_role("button", name="Turn", exact=True).click()
        page.wait_for_function("document.querySelector('.after').width === 160")
        expect(page.locator(".told.busy")).to_have_count(0)
        page.get_by_role("button", name="look").click()
        page.get_by_role("button", name="What matters?").click()
        page.get_by_text("The brighter a square").wait_for()
        assert page.locator(".map").is_visible()
        _, colored = download(page)
        assert colored.size == (160, 240)  # what is seen is saved
        page.get_by_role("button", name="Undo all").click()
        page.wait_for_function("document.querySelector('.after').width === 240")
        wait_for_pixels(page, ".after", whole, same=True)
        assert page.locator(".map").is_hidden()
        assert problems == []


@pytest.mark.browser
def test_a_color_photo_can_be_taken_on_another_film(browser, address, tiny):
    image = lake(240, 160)
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(image.convert("L")))
        shown(page, 240, 160)
        fold = page.locator(".films")
        assert fold.is_hidden()  # it has been on its film
        give(page, encode(image), "color.png")
        page.get_by_text("color.png").wait_for()
        shown(page, 240, 160)
        expect(page.locator(".told.busy")).to_have_count(0)
        fold.locator("summary").click()
        whole = page.evaluate(PIXELS, ".after")
        page.get_by_role("button", name="blue only").click()
        wait_for_pixels(page, ".after", whole)
        expect(page.locator(".told.busy")).to_have_count(0)
        blue = np.asarray(image)[..., 2]
        film = Image.fromarray(blue).convert("RGB")  # one channel is its own mean
        found = np.reshape(page.evaluate(PIXELS, ".after"), (4, 240, 4))[..., :3]
        by_python = np.asarray(colorize(film, tiny, T=0.38, size=128))[:4]
        assert np.abs(found.astype(int) - by_python).mean() < 3
        page.get_by_text("Break it").click()
        page.get_by_role("button", name="Undo all").click()
        wait_for_pixels(page, ".after", whole, same=True)
        assert problems == []


SQUARES = """() => {
  const map = document.querySelector(".map");
  if (map.hidden) return 0;
  const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
}"""


@pytest.mark.browser
def test_what_matters_is_seen_at_work_and_stops_for_all_else(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake(240, 160)))
        shown(page, 240, 160)
        page.get_by_text("Break it").click()
        asks = page.get_by_role("button", name="What matters?")
        stops = page.get_by_role("button", name="Stop")
        told = page.locator(".breaker [aria-live]")

        def cover(least=2):
            asks.click()
            page.wait_for_function(f"({SQUARES})() >= {least}")

        def stopped():
            expect(asks).to_be_visible()
            assert page.locator(".map").is_hidden()  # at once
            expect(page.locator(".told.busy")).to_have_count(0)
            assert page.evaluate(SQUARES) == 0
            assert told.text_content() == ""

        cover()
        expect(page.locator(".told [role=status]")).to_contain_text("Covering")
        assert page.locator("progress").get_attribute("value")
        stops.click()
        stopped()
        cover()
        page.get_by_label("Temperature T").press("ArrowLeft")
        stopped()
        cover()
        page.locator(".after").press("Shift+ArrowDown")
        stopped()
        cover()
        page.get_by_role("button", name="256 pixels").click()
        stopped()
        page.get_by_text("seen by the network at 384 \u00d7 256").wait_for()
        cover()
        page.get_by_role("button", name="Turn", exact=True).click()
        stopped()
        page.wait_for_function("document.querySelector('.after').width === 160")
        assert problems == []


def place(node):
    """Give where a ring or a dot is, in percent of the photo."""
    text = "(node) => [node.style.left, node.style.top].map(parseFloat)"
    return node.evaluate(text)


@pytest.mark.browser
def test_ring_and_dots_turn_with_what_they_are_on(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake(240, 160)))
        shown(page, 240, 160)
        page.get_by_text("Break it").click()
        box = page.locator(".stage").bounding_box()
        page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.2 * box["height"])
        page.locator(".offers button").first.click()
        dot, ring = page.locator(".dots .dot"), page.locator(".ring")
        said = page.locator(".words [aria-live]")

        def are_at(x, y):
            half = 50 / 30  # percent: the ring is in the middle of a cell
            page.wait_for_function(
                "([x, y, half]) => { const { left, top } ="
                " document.querySelector('.ring').style;"
                " return Math.abs(parseFloat(left) - x) < half + 2"
                " && Math.abs(parseFloat(top) - y) < half + 2; }",
                arg=[x, y, half],
            )
            assert place(dot) == pytest.approx([x, y], abs=1)

        are_at(90, 20)
        L = re.search(r"Lightness \d+", said.text_content())[0]
        at_once = page.get_by_role("button", name="Turn", exact=True).evaluate(
            """(button) => {
              const read = () => ["before", "after"].map((name) => {
                const canvas = document.querySelector(`.stage .${name}`);
                const { width, height } = canvas;
                const context = canvas.getContext("2d");
                return { width, height, data: [...context.getImageData(
                  0, 0, width, height).data] };
              });
              const old = read();
              button.click();
              return [old, read(), document.querySelector(".stage").style.aspectRatio];
            }"""
        )
        old, new = (
            [np.reshape(x["data"], (x["height"], x["width"], 4)) for x in pictures]
            for pictures in at_once[:2]
        )
        for was, now in zip(old, new, strict=True):  # picture and dots turn together
            assert (np.rot90(was, -1) == now).all()
        assert at_once[2] == "160 / 240"
        are_at(80, 90)
        page.get_by_role("button", name="Upside down").click()
        are_at(20, 10)
        expect(page.locator(".told.busy")).to_have_count(0)
        assert re.search(r"Lightness \d+", said.text_content())[0] == L
        remove = page.get_by_role("button", name="Delete this dot")
        assert remove.get_attribute("aria-disabled") == "false"  # it is still ringed
        remove.click()
        page.get_by_role("button", name="Undo all").click()
        page.wait_for_function("document.querySelector('.after').width === 240")
        page.get_by_role("button", name="Undo", exact=True).click()
        are_at(90, 20)
        assert place(ring) == pytest.approx([90, 20], abs=4)
        assert problems == []


@pytest.mark.browser
def test_what_is_no_picture_is_refused_in_words(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        alert = page.get_by_role("alert")
        for name, (content, words) in NO_PICTURES.items():
            give(page, content, f"{name}.png")
            page.wait_for_function(
                "words => document.querySelector('[role=alert]')"
                ".textContent.includes(words)",
                arg=words,
                timeout=30_000,
            )
            assert page.locator(".result").is_hidden()
        give(page, encode(lake()))
        shown(page, 120, 80)
        assert alert.text_content() == ""
        give(page, b"words")  # the photo before stays
        page.get_by_text("no picture").wait_for()
        assert "Below is still \u201cgiven.png\u201d" in alert.text_content()
        assert page.locator(".result").is_visible()
        assert problems == []


def bottom(node):
    box = node.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.browser
@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
def test_a_tall_photo_is_seen_with_what_moves_it(browser, address, tiny, phone):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}
        if phone
        else {"width": 1280, "height": 900},
        has_touch=phone,
        is_mobile=phone,
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(address)
    image = cat((160, 240))
    give(page, encode(image))
    shown(page, 160, 240)
    stage, T = page.locator(".stage"), page.get_by_label("Temperature T")
    plane = page.locator("canvas.plane")
    top = stage.bounding_box()["y"]
    assert 100 < bottom(stage) - top
    assert bottom(T) - top < 844 - 60  # one sees what T does
    if not phone:
        assert bottom(plane) - top < 900 - 60  # and what the network thinks there
        assert bottom(T) < 900  # with no scrolling
    for name in ("original", "256 pixels"):  # what changes the picture is at its edge
        box = page.get_by_role("button", name=name).bounding_box()
        assert 0 < top - box["y"] < (200 if phone else 120)
    saves = page.get_by_role("button", name="Download PNG")
    assert 0 < bottom(saves) - bottom(stage) < 844  # within a screen
    # The point shown first is the least decided one: its distribution is the widest.
    height, width = network_size(image.height, image.width, tiny.card["size"])
    small = image.resize((width, height), Image.Resampling.BILINEAR)
    with torch.inference_mode():
        Z = tiny(rgb_to_lab(to_tensor(small)[None])[:, :1]).softmax(1)[0]
    centers = bin_centers()
    mean = torch.einsum("qhw,qc->chw", Z, centers)
    spread = torch.einsum("qhw,q->hw", Z, (centers**2).sum(1)) - (mean**2).sum(0)
    row, column = divmod(spread.argmax().item(), spread.shape[1])
    expected = [(column + 0.5) / spread.shape[1], (row + 0.5) / spread.shape[0]]
    found = [value / 100 for value in place(page.locator(".ring"))]
    assert found == pytest.approx(expected, abs=1e-3)
    context.close()


@pytest.mark.browser
def test_turned_transparent_and_moving_pictures(browser, address, tiny):
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    turned = encode(lake(), "JPEG", exif=exif, quality=95)
    clear = lake(mode="RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    frames = [lake(), Image.new("RGB", (120, 80), "red")]
    moving = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, turned, "turned.jpg")
        shown(page, 80, 120)
        _, colored = download(page)
        expected = colorize(Image.open(io.BytesIO(turned)), tiny)
        assert colored.size == expected.size == (80, 120)
        step = np.abs(np.asarray(colored.convert("RGB")) - np.asarray(expected, int))
        assert np.percentile(step, 99) <= 6  # two decoders of JPEG
        assert ORIENTATION not in colored.getexif()

        give(page, encode(clear), "clear.png")
        shown(page, 120, 80)
        page.get_by_text("What is transparent stays so").wait_for()
        _, colored = download(page)
        assert np.array_equal(colored.getchannel("A"), clear.getchannel("A"))

        give(page, moving, "moving.gif")
        page.get_by_text("its first is taken").wait_for()
        _, colored = download(page)
        first = Image.open(io.BytesIO(moving))
        step = np.asarray(colorize(first, tiny).convert("RGB"), int)
        assert np.abs(np.asarray(colored.convert("RGB")) - step).max() <= 1
        assert problems == []


GAPS = """() => {
  let last = performance.now();
  window.began = last;
  window.longest = 0;
  setInterval(() => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
  }, 20);
}"""


@pytest.mark.browser
def test_fifty_megapixels_do_not_freeze_the_page(browser, address):
    large = Image.linear_gradient("L").resize((8192, 6144))
    with open_page(browser, address, settle=False) as (page, problems):
        page.evaluate(GAPS)
        give(page, encode(large, "JPEG", quality=30), "large.jpg")
        shown(page, 8192, 6144)
        assert page.get_by_text("the download has all pixels").is_visible()
        # As shares of the whole time, since the machine may be busy.
        longest, whole = page.evaluate("[longest, performance.now() - began]")
        assert longest < 0.25 * whole
        assert problems == []


@pytest.mark.browser
def test_file_names_are_text(browser, address):
    name = "<img src=x onerror=document.title='run'>.png"
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake()), name)
        page.get_by_text(f"{name}: 120").wait_for()
        assert pressed(page, "Strip") == ["with a strip: invented"]  # unless declined
        assert page.locator(".note *").count() == 0
        saved, told = download(page, "JPEG", strip=True)
        assert saved.endswith("-colored.jpg")
        assert told.size == (120, 80 + 16)  # a strip says that colors are invented
        strip = np.asarray(told.convert("L"))[80:]
        assert strip.max() > 240 > 100 > strip.min()
        assert page.title() == "photo"
        assert problems == []


# The page's manners


@pytest.fixture
def server(site):
    handler = functools.partial(QuietHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/book/photo.html"
        running.shutdown()
        thread.join()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_all_is_loaded_when_asked_for(browser, address, server, scheme):
    url = server if scheme == "http" else address
    with open_page(browser, url, settle=False) as (page, problems):
        asked = []
        page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
        page.reload()
        assert "photo.js" in asked
        assert not {"engine.js", "nagasaki-boats.js"} & set(asked)
        page.get_by_role("button", name="Boats in Nagasaki").click()
        shown(page, 640, 512)
        assert {"engine.js", "nagasaki-boats.js"} <= set(asked)
        page.get_by_role("button", name="Black Canyon").click()
        page.get_by_text("Black Canyon, 1871: ").wait_for()
        assert asked.count("engine.js") == 1
        assert problems == []


NEW_NAMES = """() => {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  const fresh = new Set(Object.getOwnPropertyNames(frame.contentWindow));
  frame.remove();
  return Object.getOwnPropertyNames(window).filter((name) => !fresh.has(name));
}"""


@pytest.mark.browser
def test_scripts_leave_no_globals(browser, address):
    with open_page(browser, address, settle=False) as (page, _):
        page.evaluate("window.planted = 1")
        page.get_by_role("button", name="Boats in Nagasaki").click()
        shown(page, 640, 512)
        found = page.evaluate(NEW_NAMES)
        assert [name for name in found if not name.isdigit()] == ["planted"]


@pytest.mark.browser
def test_what_fails_to_load_is_said_and_tried_again(browser, site, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(site, broken)
    engine = broken / "_static/photo/engine.js"
    text = engine.read_text()
    engine.unlink()
    url = (broken / "book/photo.html").as_uri()
    with open_page(browser, url, settle=False) as (page, problems):
        give(page, encode(lake()))
        page.get_by_text("engine.js could not be loaded").wait_for()
        engine.write_text(text)
        give(page, encode(lake()))
        shown(page, 120, 80)
        assert page.get_by_role("alert").text_content() == ""


PIXELS = """(name) => {
  const canvas = document.querySelector(name);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, 4);
  return Array.from(data);
}"""


def wait_for_pixels(page, place, old, same=False):
    """Wait until a picture is no longer, or again, what it was."""
    sign = "===" if same else "!=="
    now = f"String(({PIXELS})('{place}'))"
    page.wait_for_function(f"(old) => {now} {sign} String(old)", arg=old)


def pressed(page, group):
    """Give the names of a group's buttons that look pressed."""
    row = page.get_by_role("group", name=group)
    return row.locator("[aria-pressed=true]").all_inner_texts()


@pytest.mark.browser
def test_the_chosen_sample_is_marked(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        marked = page.locator(".samples [aria-pressed=true]")
        assert marked.count() == 0
        page.get_by_role("button", name="Boats in Nagasaki").click()
        shown(page, 640, 512)
        assert marked.all_inner_texts() == ["Boats in Nagasaki, about 1865"]
        give(page, encode(lake()))
        shown(page, 120, 80)
        assert marked.count() == 0
        assert problems == []


@pytest.mark.browser
def test_numbers_of_one_color_are_told_in_the_singular(browser, address):
    with open_page(browser, address, settle=False) as (page, _):
        give(page, encode(lake()))
        shown(page, 120, 80)
        page.get_by_role("button", name="mode", exact=True).click()
        page.get_by_text("1 of 313 colors holds over 1\u00a0%;").wait_for()
        assert pressed(page, "Jump to") == ["mode"]


@pytest.mark.browser
def test_controls_by_keyboard_and_mouse(browser, address, tiny):
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake(240, 160)), "lake.png")
        shown(page, 240, 160)
        first = page.evaluate(PIXELS, ".after")
        assert pressed(page, "Jump to") == ["T = 0.38"]

        page.get_by_label("Temperature T").press("ArrowLeft")
        page.get_by_text("0.37", exact=True).wait_for()
        assert pressed(page, "Jump to") == []
        page.get_by_role("button", name="mean", exact=True).click()
        page.get_by_text("1.00", exact=True).wait_for()
        assert pressed(page, "Jump to") == ["mean"]
        wait_for_pixels(page, ".after", first)
        _, colored = download(page)
        expected = np.asarray(colorize(lake(240, 160), tiny, T=1.0), int)
        assert np.abs(np.asarray(colored.convert("RGB")) - expected).max() <= 1

        told = page.locator(".words [aria-live]")
        before = told.text_content()
        page.locator(".after").press("Shift+ArrowLeft")
        page.wait_for_function(
            "old => document.querySelector('.words [aria-live]').textContent !== old",
            arg=before,
        )
        box = page.locator(".stage").bounding_box()
        before = told.text_content()
        page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.9 * box["height"])
        page.wait_for_function(
            "old => document.querySelector('.words [aria-live]').textContent !== old",
            arg=before,
        )

        curtain = page.get_by_role("slider", name="Curtain")
        curtain.press("ArrowRight")
        assert curtain.get_attribute("aria-valuenow") == "52"
        page.mouse.move(box["x"] + 0.52 * box["width"], box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 20)
        page.mouse.up()
        assert curtain.get_attribute("aria-valuenow") == "10"
        for key, share in {"End": "100", "Home": "0"}.items():
            curtain.press(key)
            assert curtain.get_attribute("aria-valuenow") == share

        gray = page.evaluate(PIXELS, ".before")
        page.get_by_role("button", name="original").click()
        wait_for_pixels(page, ".before", gray)

        page.get_by_role("button", name="256 pixels").click()
        page.get_by_text("seen by the network at 384 \u00d7 256").wait_for()
        assert problems == []


@pytest.mark.browser
def test_the_better_network_is_taken_when_it_is_asked_for(browser, address, borrowed):
    with open_page(browser, address, settle=False) as (page, problems):
        asked = []
        page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
        give(page, encode(lake(240, 160)))
        shown(page, 240, 160)
        small = page.evaluate(PIXELS, ".after")
        assert "borrowed.js" not in asked
        better = page.get_by_role("button", name=re.compile(r"borrowed \(\d\.\d MB\)"))
        better.press("Enter")
        expect(better).to_have_attribute("aria-pressed", "true")
        shown(page, 240, 160)
        wait_for_pixels(page, ".after", small)
        assert page.get_by_label("Temperature T").input_value() == "0.6"  # its card's
        _, colored = download(page)
        exact = rounded(borrowed, photo.NETWORKS["borrowed"])
        expected = np.asarray(colorize(lake(240, 160), exact).convert("RGB"), int)
        assert np.abs(np.asarray(colored.convert("RGB")) - expected).max() <= 1
        page.get_by_role("button", name=re.compile(r"tiny \(")).click()
        page.get_by_text("0.38", exact=True).wait_for()
        wait_for_pixels(page, ".after", small, same=True)
        assert asked.count("tiny.js") == asked.count("borrowed.js") == 1
        assert problems == []


SIZES = """() => [...document.querySelectorAll('.stage canvas:not(.map)')].map(
  ({ width, height }) => [width, height])"""


@pytest.mark.browser
def test_while_another_photo_opens_nothing_of_the_old_one_is_drawn(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake(240, 160)))
        shown(page, 240, 160)
        T = page.get_by_label("Temperature T")
        photos = {"128": (240, 160), "20 x 300": (20, 300), "256": (20, 300)}
        page.get_by_role("button", name="256 pixels").click()
        for asked, (width, height) in photos.items():
            if asked == "20 x 300":
                give(page, encode(lake(20, 300)))
            else:
                page.get_by_role("button", name=f"{asked} pixels").click()
            for _ in range(5):
                T.press("ArrowLeft")
                page.locator(".after").press("Shift+ArrowDown")
            shown(page, width, height)
            page.locator(".told:not(.busy)").wait_for(state="attached")
            assert page.locator(".alert").inner_text() == ""
            assert page.evaluate(SIZES) == [[width, height]] * 2
            # A strip has no room for a curtain.
            assert page.locator(".rail").is_visible() == (width == 240)
        assert problems == []


@pytest.mark.browser
def test_a_color_photo_has_its_truth(browser, address):
    color = (200, 60, 40)
    image = Image.new("RGB", (120, 80), color)
    image.paste(color[::-1], (60, 0, 120, 80))  # of one color, it would be a print
    with open_page(browser, address, settle=False) as (page, _):
        give(page, encode(image))
        shown(page, 120, 80)
        page.locator(".after").click(position={"x": 20, "y": 20})
        lab = rgb_to_lab(to_tensor(Image.new("RGB", (1, 1), color))[None]).flatten()
        _, a, b = lab.tolist()
        truth = page.get_by_role("row", name="truth")
        expect(truth).to_have_text(re.compile(rf"a {a:.0f}\b.*b {b:.0f}\b"))


@pytest.mark.browser
@pytest.mark.parametrize("toned", [False, True])
def test_a_gray_or_toned_photo_has_no_original_to_show(browser, address, toned):
    image = lake(mode="L")
    if toned:
        image = ImageOps.colorize(image, (30, 10, 0), (255, 240, 200), (150, 110, 80))
    with open_page(browser, address, settle=False) as (page, _):
        give(page, encode(image))
        shown(page, 120, 80)
        assert page.get_by_text("Another film").is_hidden()
        assert page.get_by_role("row", name="truth").count() == 0
        assert page.get_by_role("button", name="original").is_hidden()


HAND = """([content, kind]) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  transfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
  const how = { bubbles: true, cancelable: true };
  const events = kind === "drop"
    ? ["dragover", "drop"].map(
        (name) => new DragEvent(name, { dataTransfer: transfer, ...how }))
    : [new ClipboardEvent("paste", { clipboardData: transfer, ...how })];
  for (const event of events) document.body.dispatchEvent(event);
}"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("kind", "name"), [("drop", "dropped.png"), ("paste", "Pasted picture")]
)
def test_a_photo_can_be_dropped_or_pasted(browser, address, kind, name):
    with open_page(browser, address, settle=False) as (page, problems):
        page.evaluate(HAND, [base64.b64encode(encode(lake())).decode(), kind])
        shown(page, 120, 80)
        assert page.get_by_text(f"{name}: ").is_visible()
        assert problems == []


@pytest.mark.browser
def test_coming_back_finds_the_photo_again(browser, address):
    with open_page(browser, address, settle=False) as (page, problems):
        give(page, encode(lake()), "mine.png")
        shown(page, 120, 80)
        page.wait_for_function("sessionStorage.length === 1")
        page.reload()
        shown(page, 120, 80)
        page.goto("about:blank")
        page.go_back()
        shown(page, 120, 80)
        assert page.get_by_text("mine.png: ").is_visible()
        page.goto(address)  # a new visit
        assert page.evaluate("sessionStorage.length") == 0
        assert page.locator(".result").is_hidden()
        assert problems == []


@pytest.mark.browser
def test_a_finger_draws_curtain_and_brush(browser, address):
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(address)
    give(page, encode(lake(240, 160)))
    shown(page, 240, 160)
    rail, stage = page.locator(".rail"), page.locator(".stage")

    def across(y, *shares):
        box = stage.bounding_box()
        points = [(box["x"] + s * box["width"], box["y"] + y) for s in shares]
        swipe(page, *points)
        page.wait_for_timeout(PAUSE)

    across(30, 0.05, 0.15, 0.3, 0.4)  # far from the curtain's handle
    assert rail.get_attribute("aria-valuenow") == "40"
    eraser = page.get_by_role("button", name="erase")
    page.get_by_text("Break it: the colors follow").tap()
    eraser.tap()
    before = page.evaluate(PIXELS, ".before")
    stage.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    box = stage.bounding_box()
    x = box["x"] + 0.2 * box["width"]
    swipe(page, *[(x, box["y"] + share * box["height"]) for share in (0.02, 0.4, 0.8)])
    wait_for_pixels(page, ".before", before)
    assert page.evaluate("scrollY") == scrolled  # the brush, not the page
    assert rail.get_attribute("aria-valuenow") == "40"
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("size", [(240, 160), (160, 240)], ids=["wide", "tall"])
def test_a_finger_breaks_the_photo_while_it_is_seen(browser, address, size):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(address)
    give(page, encode(lake(*size)))
    shown(page, *size)
    page.get_by_text("Break it: the colors follow").tap()
    stage, breaker = page.locator(".stage"), page.locator(".breaker")
    controls = breaker.locator("button, input").all()
    assert len(controls) == 10
    page.wait_for_function(  # it scrolls there by itself
        """([stage, breaker]) => stage.getBoundingClientRect().top >= 48 &&
          breaker.getBoundingClientRect().bottom <= innerHeight""",
        arg=[stage.element_handle(), breaker.element_handle()],
    )
    page.wait_for_timeout(PAUSE)

    def between():
        """How far photo and controls reach in the window, below the book's bar."""
        parts = [stage, breaker, *controls]
        boxes = [part.bounding_box() for part in parts]
        low = [box for box in boxes if box["y"] < 48 or box["y"] + box["height"] > 844]
        wide = [box for box in boxes if box["x"] + box["width"] > 390]
        assert (low, wide) == ([], [])
        return page.evaluate("scrollY")

    def broken(act):
        before = page.evaluate(PIXELS, ".before")
        act()
        wait_for_pixels(page, ".before", before)

    there = between()
    breaker.get_by_role("button", name="cover").tap()
    box = stage.bounding_box()
    broken(lambda: page.touchscreen.tap(box["x"] + 40, box["y"] + 4))
    light = breaker.get_by_role("slider", name="Light").bounding_box()
    x, y = light["x"] + 0.2 * light["width"], light["y"] + light["height"] / 2
    broken(lambda: page.touchscreen.tap(x, y))
    broken(lambda: breaker.get_by_role("button", name="Upside down").tap())
    page.wait_for_function("!document.querySelector('[role=status]').textContent")
    assert between() == there  # nobody had to scroll
    stands = stage.bounding_box()
    page.evaluate(
        """const told = document.querySelector('.told');
        const words = told.querySelector('[role=status]');
        told.classList.add('busy');
        words.textContent = 'Covering squares, '.repeat(9)"""
    )
    page.wait_for_timeout(PAUSE)
    assert page.locator(".told > div").bounding_box()["height"] > 60  # three lines
    assert stage.bounding_box() == stands  # what goes on moves nothing
    context.close()


@pytest.mark.browser
def test_page_fits_a_phone_and_a_finger(browser, address):
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    give(page, encode(lake(400, 900)), "a-" + 60 * "long-" + "name.png")
    shown(page, 400, 900)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [
        node
        for node in small_targets(page.locator(".photo-lab"))
        if "hidden" not in node
    ] == []
    told = page.locator(".words [aria-live]")
    before = told.text_content()
    stage = page.locator(".stage")
    stage.tap(position={"x": 20, "y": 60})
    page.wait_for_function(
        "old => document.querySelector('.words [aria-live]').textContent !== old",
        arg=before,
    )
    context.close()
