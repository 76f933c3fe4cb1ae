"""The page and the file of an evaluation."""

import base64
import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab.datasets.sources import find_images
from colorlab.evaluate.bootstrap import FEW, interval_note, interval_text
from colorlab.evaluate.measure import MEASURES, evaluate_images
from colorlab.evaluate.report import (
    DARKEST,
    SHOWN,
    read_scores,
    rounded,
    write_scores,
    write_sheet,
)
from colorlab.files import write_json
from colorlab.network import ColorNet

SIZE = 16
ABOUT = {"model": "<b>mine</b>", "data": "photos", "photos": 30, "T": 0.38}


@pytest.fixture(scope="module")
def model():
    """A network of two channels that says (a, b) = (20, 0) everywhere."""
    network = ColorNet(1, out_channels=2).eval()
    torch.nn.init.zeros_(network.output.weight)
    network.output.bias.data = torch.tensor([20.0, 0.0]) / 110
    return network


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Thirty gray photos, one damaged; the names hold what HTML would read."""
    folder = tmp_path_factory.mktemp("photos")
    for n in range(30):
        Image.new("L", (SIZE, SIZE), 100 + n).save(folder / f"{n:02} <i>&.png")
    (folder / "04 <i>&.png").write_text("no image")
    return find_images(folder, hold_out=False)


@pytest.fixture(scope="module")
def scores(model, photos):
    return evaluate_images(model, photos, size=SIZE)


@pytest.fixture(scope="module")
def page(model, photos, scores, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "sheet.html"
    write_sheet(path, model, photos, {**ABOUT, "size": SIZE}, scores)
    return path.read_text(encoding="utf-8")


def pictures(page):
    """Of each figure gray, predicted, true and error, which stand side by side."""
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    files = (io.BytesIO(base64.b64decode(source)) for source in sources)
    return [np.split(np.array(Image.open(file)), 4, axis=1) for file in files]


def test_page_shows_photos_spread_over_the_data(page):
    step = -(-30 // SHOWN)
    numbers = [int(n) for n in re.findall(r"figcaption>(\d\d) ", page)]
    assert sorted(numbers) == [n for n in range(0, 30, step) if n != 4]
    assert len(pictures(page)) == len(numbers)


def test_pictures_are_gray_predicted_true_and_error(page):
    gray, predicted, true, error = pictures(page)[0]
    assert gray.shape == (SIZE, SIZE, 3)
    # JPEG of quality 88 moves a flat color by a few steps.
    assert abs(gray.astype(int) - true.astype(int)).max() <= 4
    red, green = predicted[..., 0].mean(), predicted[..., 1].mean()
    assert red > green + 20
    assert error.mean() == pytest.approx(255 * (1 - 20 / DARKEST), abs=4)


def test_page_holds_the_figures(page, scores):
    for measure in ("auc", "cross_entropy"):
        assert f"<td>{interval_text(scores['gray'][measure], '<br>')}</td>" in page
    for measure in MEASURES.values():
        assert f"<th>{measure.title}</th>" in page


def test_names_are_not_read_as_html(page):
    assert "<i>" not in page
    assert "<b>mine" not in page
    assert "00 &lt;i&gt;&amp;.png" in page
    assert page.count("<img") == page.count('alt="')


def test_page_asks_for_nothing_else(page):
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_scores_are_written_as_json(scores, tmp_path):
    path = Path(tmp_path, "scores.json")
    write_scores(path, ABOUT, scores)
    report = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert report["T"] == 0.38
    assert report["scores"]["network"]["chroma"] == pytest.approx([20] * 3, abs=1e-3)


def test_scores_are_read_again_by_their_terms(scores, tmp_path):
    file, many = tmp_path / "one.json", tmp_path / "many.json"
    write_scores(file, {**ABOUT, "size": 128}, scores)
    again = read_scores(file, "photos")
    assert again["gain"]["chroma"] == pytest.approx(scores["gain"]["chroma"], abs=1e-3)
    assert str(again["network"]["cross_entropy"]) == "(nan, nan, nan)"  # an ab head
    other = {"data": "photos", "T": 0.6, "size": 128}
    reports = [json.loads(file.read_text()), {**other, "scores": rounded(scores)}]
    write_json(many, {"model": "mine", "reports": reports})
    assert read_scores(many, "photos")["gain"]["auc"] == again["gain"]["auc"]
    assert read_scores(many, "photos", T=0.6)["gain"]["auc"] == again["gain"]["auc"]
    for wrong in ({"T": 1.0}, {"size": 64}, {"other": "tiny"}):
        with pytest.raises(ValueError, match="path must hold an evaluation with"):
            read_scores(many, "photos", **wrong)


def test_page_of_pictures(photos, model, scores, tmp_path):
    about = {**ABOUT, "size": SIZE}
    write_sheet(tmp_path / "p.html", photos, photos, about, scores)
    assert "AuC 100.0 %" in (tmp_path / "p.html").read_text()


def test_one_image_has_no_interval_and_few_are_told(model, photos, tmp_path):
    Image.new("RGB", (SIZE, SIZE), (90, 40, 10)).save(tmp_path / "a.png")
    one = find_images(tmp_path)
    alone = evaluate_images(model, one, size=SIZE)
    about = {**ABOUT, "size": SIZE, "photos": 1}
    write_sheet(tmp_path / "one.html", model, one, about, alone)
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert "only one image" in page
    assert "nan" not in page.split("<h2>")[0]
    write_scores(tmp_path / "one.json", about, alone)
    report = json.loads((tmp_path / "one.json").read_text())
    value, low, high = report["scores"]["network"]["chroma"]
    assert (value, low, high) == (pytest.approx(20, abs=1e-3), None, None)
    assert "too narrow" in interval_note(FEW - 1)
    assert "too narrow" not in interval_note(FEW)


def test_names_in_other_bytes_than_utf_8_are_written_so(
    model, photos, scores, tmp_path
):
    """As in archives of old: a name of Latin-1."""
    strange = os.fsdecode(b"caf\xe9")
    (tmp_path / "photos").mkdir()
    shutil.copy(photos.path(0), tmp_path / "photos" / f"{strange}.png")
    named = find_images(tmp_path / "photos")
    about = {**ABOUT, "data": strange, "size": SIZE}
    write_sheet(tmp_path / "s.html", model, named, about, scores)
    write_scores(tmp_path / "s.json", about, scores)
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert r"caf\xe9.png" in page
    assert json.loads((tmp_path / "s.json").read_text())["data"] == r"caf\xe9"


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    model, photos, scores, tmp_path, monkeypatch
):
    path = tmp_path / "s.html"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="s.html"):
        write_sheet(path, model, photos, {**ABOUT, "size": SIZE}, scores)
    assert [file.name for file in tmp_path.iterdir()] == ["s.html"]
    assert path.read_text() == "old"
