"""The map of uncertainty: its arithmetic against PyTorch."""

import numpy as np
import pytest
import torch
from browser_fixtures import fixture_browser  # noqa: F401 (used by name)
from test_widget_pages import fixture_call  # noqa: F401

from colorlab.widgets.temperature import HERE

MOST = np.log(313)  # nats: all bins alike


def entropy(logits, T):
    """Give the entropy of each cell in nats, (rows, columns)."""
    p = (logits.double() / T).softmax(1)
    return torch.special.entr(p).sum(1)[0]


# The page's arithmetic


@pytest.mark.browser
@pytest.mark.parametrize("T", [0.05, 0.38, 1.0])
def test_entropies_in_the_page(browser, T):
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(1, 313, 2, 3, generator=generator)
    found = call_floats(browser, logits, T)
    expected = entropy(logits, T).flatten()
    assert expected.min() < 4  # nats: no uniform distribution
    assert (found - expected).abs().max() < 1e-4  # nats; p is in float32


@pytest.mark.browser
def test_entropy_of_the_mode_and_of_bins_alike(browser, call):
    assert call_floats(browser, torch.randn(1, 313, 1, 2), 0).tolist() == [0, 0]
    even = call_floats(browser, torch.zeros(1, 313, 1, 1), 0.38)
    assert abs(even.item() - MOST) < 1e-5
    assert abs(call("entropy", [0.25, 0.25, 0.5, 0]).item() - 1.0397) < 1e-4


CALL = """async ([source, logits, T]) => {
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const module = await import(url);
  return Array.from(module.entropies(Float32Array.from(logits), 313, T));
}"""


def call_floats(browser, logits, T):
    page = browser.new_page()
    try:
        cells = logits[0].flatten(1).T.flatten().tolist()
        sent = [(HERE / "color.js").read_text(), cells, T]
        return torch.tensor(page.evaluate(CALL, sent), dtype=torch.float64)
    finally:
        page.close()
