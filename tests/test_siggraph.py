"""Networks that follow dots; `test_released` compares `SiggraphNet` with its table."""

from pathlib import Path

import numpy as np
import pytest
import torch

from colorlab import ColorNet, load_model, save_model
from colorlab.siggraph import HintReader, SiggraphNet
from colorlab.transfer import make_network

ROOT = Path(__file__).parents[1]


def test_siggraph17_refuses_half_a_hint():
    model, L = SiggraphNet(), torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="ab and mask must have shapes"):
        model(L, torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match="L must have shape"):
        model(torch.zeros(1, 1, 9, 8))


def test_it_is_made_by_its_name():
    with torch.device("meta"):
        model = make_network(64, "siggraph17", 2)
    assert (model.head, model.variant) == ("ab", "siggraph17")
    with pytest.raises(ValueError, match="siggraph17 must have width 64"):
        make_network(32, "siggraph17", 2)


@pytest.fixture(name="base")
def fixture_base():
    torch.manual_seed(0)
    return ColorNet(width=4).eval()


@torch.inference_mode()
def test_before_it_is_trained_a_reader_is_its_base(base):
    reader, rng = HintReader(4, base).eval(), torch.Generator().manual_seed(0)
    L = 100 * torch.rand(2, 1, 16, 24, generator=rng)
    ab = 90 * torch.rand(2, 2, 16, 24, generator=rng)
    for dots in ((), (ab, torch.ones(2, 1, 16, 24))):
        assert torch.allclose(reader(L, *dots), base(L), atol=1e-5)
    with pytest.raises(ValueError, match="ab and mask must have shapes"):
        reader(L, ab)


def test_it_learns_from_the_first_step_what_dots_say(base):
    reader, L = HintReader(4, base), torch.full((1, 1, 16, 16), 50.0)
    reader(
        L, torch.full((1, 2, 16, 16), 20.0), torch.ones(1, 1, 16, 16)
    ).mean().backward()
    assert (reader.conv1[0].weight.grad[:, 1:].abs().amax((0, 2, 3)) > 0).all()


def test_a_reader_is_kept_in_a_file(base, tmp_path):
    base.card = {"T": 0.5}
    reader = HintReader(4, base).eval()
    with torch.no_grad():
        reader.conv1[0].weight.add_(0.1)
    save_model(reader, tmp_path / "reader.safetensors")
    again = load_model(tmp_path / "reader.safetensors")
    assert (type(again), again.card["T"]) == (HintReader, 0.5)
    L, ab, mask = torch.rand(1, 1, 8, 8), torch.rand(1, 2, 8, 8), torch.ones(1, 1, 8, 8)
    with torch.inference_mode():
        assert torch.equal(again(L, ab, mask), reader(L, ab, mask))


def test_dots_are_drawn_as_in_the_paper(monkeypatch):
    """Zhang et al. 2017, section 3.1; expected values by their distributions."""
    monkeypatch.syspath_prepend(ROOT / "data/recipes")
    from hintreader import draw_dots

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :96]
    ab = torch.tensor(np.stack([y, x]), dtype=torch.float32).expand(3000, -1, -1, -1)
    given, mask = draw_dots(ab, rng)
    assert set(mask.unique().tolist()) == {0, 1}
    assert (given[(mask == 0).expand_as(given)] == 0).all()
    seen = mask.mean(dim=(1, 2, 3))
    assert (seen == 0).float().mean() == pytest.approx(0.99 / 8, abs=0.02)
    assert (seen == 1).float().mean() == pytest.approx(0.01, abs=0.005)
    some = (seen > 0) & (seen < 1)
    where = mask[some].mean(dim=(0, 1))
    assert where[24:40, 36:60].mean() > 5 * where[:4].mean()  # most in the middle
    # A dot has one color, the mean of what it covers: of a ramp, that of its middle.
    one = next(n for n in some.nonzero() if 0 < mask[n].sum() <= 4)[0]
    rows, columns = mask[one, 0].nonzero(as_tuple=True)
    middle = [rows.float().mean().item(), columns.float().mean().item()]
    assert given[one, :, rows[0], columns[0]].tolist() == pytest.approx(middle)
