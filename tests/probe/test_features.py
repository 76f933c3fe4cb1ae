"""colorlab/probe/features.py: what each block answers."""

import pytest
import torch
from torch import nn

from colorlab import ColorNet, load_pretrained
from colorlab.network import L_MIDDLE, L_RANGE
from colorlab.probe import block_features, blocks, nearest_images, random_twin
from colorlab.transfer import BorrowedNet


def test_features_are_means_of_each_block():
    model = ColorNet(width=4).eval()
    L = 100 * torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0))
    answers = block_features(model, L)
    assert [*answers] == [f"conv{n}" for n in range(1, 9)]
    with torch.no_grad():
        x = (L - L_MIDDLE) / L_RANGE
        for name, block in blocks(model).items():
            x = block(x)
            cells = x.unfold(2, x.shape[2] // 4, x.shape[2] // 4)
            cells = cells.unfold(3, x.shape[3] // 4, x.shape[3] // 4)
            torch.testing.assert_close(answers[name], cells.mean(dim=(4, 5)))


def test_the_stages_of_an_encoder_are_probed():
    answers = block_features(BorrowedNet(8).eval(), torch.zeros(1, 1, 64, 64))
    assert [a.shape[1] for a in answers.values()] == [16, 24, 40, 80, 112, 192, 320]


def test_no_hook_stays_behind():
    model = ColorNet(width=2).eval()
    with pytest.raises(ValueError, match="multiples of 8"):
        block_features(model, torch.zeros(1, 1, 30, 30))
    assert not any(m._forward_hooks for m in model.modules())


def test_a_random_twin_has_the_layers_and_other_weights():
    model, rng = load_pretrained("tiny"), torch.get_rng_state()
    L = [100 * torch.rand(4, 1, 32, 32) for _ in range(2)]
    torch.set_rng_state(rng)
    twin, same, other = (random_twin(model, L, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), rng)
    assert not twin.training
    weights = [m.state_dict()["conv4.0.weight"] for m in (model, twin, same, other)]
    assert weights[0].shape == weights[1].shape
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[1], weights[3])
    assert (twin.conv1[-1].running_mean != 0).any(), "batch norm must be measured"


def test_an_encoders_twin_has_measured_batch_norm():
    twin = random_twin(BorrowedNet(8), [100 * torch.rand(4, 1, 32, 32)])
    norms = [m for m in twin.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all((norm.running_mean != 0).any() for norm in norms)


def test_nearest_are_the_most_parallel():
    known = torch.tensor([[1.0, 0], [0, 3], [2, 2]])
    assert nearest_images(known, known, 1).flatten().tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"count must be in 1\.\.3, got 4"):
        nearest_images(known, known, 4)
