"""The network that follows dots; `test_released` compares it with its table."""

import pytest
import torch

from colorlab.siggraph import SiggraphNet
from colorlab.transfer import make_network


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
