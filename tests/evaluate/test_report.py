"""The page and the file of an evaluation."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorlab.datasets.sources import find_images
from colorlab.evaluate.measure import MEASURES, evaluate_images
from colorlab.evaluate.report import COLUMNS, DARKEST, SHOWN, write_scores, write_sheet
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
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    files = (io.BytesIO(base64.b64decode(source)) for source in sources)
    return [np.array(Image.open(file)) for file in files]


def test_page_shows_photos_spread_over_the_data(page):
    step = -(-30 // SHOWN)
    numbers = [int(n) for n in re.findall(r'class="about">(\d\d) ', page)]
    assert sorted(numbers) == [n for n in range(0, 30, step) if n != 4]
    assert len(pictures(page)) == len(COLUMNS) * len(numbers)


def test_pictures_are_gray_predicted_true_and_error(page):
    gray, predicted, true, error = pictures(page)[:4]
    assert gray.shape == (SIZE, SIZE, 3)
    # JPEG of quality 88 moves a flat color by a few steps.
    assert abs(gray.astype(int) - true.astype(int)).max() <= 4
    red, green = predicted[..., 0].mean(), predicted[..., 1].mean()
    assert red > green + 20
    assert error.mean() == pytest.approx(255 * (1 - 20 / DARKEST), abs=4)


def test_page_holds_the_figures(page, scores):
    value, low, high = scores["network"]["auc"]
    assert f"{value:.2f}<br>({low:.2f}..{high:.2f})" in page
    for measure in MEASURES:
        assert f"<th>{measure.replace('_', ' ')}</th>" in page


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
