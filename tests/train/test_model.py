"""Network, optimizer and running mean of a run: chapter train."""

import pytest
import torch
from accelerate import Accelerator

from colorlab import ColorNet
from colorlab.train.model import bare, make_optimizer, running_mean, start_from
from colorlab.transfer import BorrowedNet


def test_an_encoder_has_a_group_of_its_own():
    network = BorrowedNet()
    head, encoder = make_optimizer(network, "adamw", frozen=False, lr=1e-3).param_groups
    assert encoder["params"] == network.encoder_parameters()
    everything = list(network.parameters())
    assert len(head["params"]) + len(encoder["params"]) == len(everything)


def test_a_network_without_encoder_has_one_group():
    groups = make_optimizer(ColorNet(width=4), "adam", frozen=False).param_groups
    assert len(groups) == 1


def test_a_frozen_encoder_needs_no_gradients():
    network = BorrowedNet()
    make_optimizer(network, "adamw", frozen=True)
    assert not any(p.requires_grad for p in network.encoder_parameters())
    assert network.output.weight.requires_grad


def test_a_borrowed_network_needs_a_start():
    with pytest.raises(ValueError, match="init must be given for variant borrowed"):
        start_from(BorrowedNet(), None)
    start_from(BorrowedNet(frozen_norm=False), None)  # random weights are its own
    with pytest.raises(ValueError, match="init must have width 8"):
        start_from(ColorNet(width=8), ColorNet(width=4))


def test_a_start_is_copied():
    one, other = ColorNet(width=4), ColorNet(width=4)
    start_from(one, other)
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours is not theirs


def test_the_running_mean_starts_at_the_weights_and_lags():
    network = ColorNet(width=2)
    accelerator = Accelerator(cpu=True)
    model, optimizer = accelerator.prepare(
        network, torch.optim.SGD(network.parameters(), lr=1.0)
    )
    averaged = running_mean(accelerator, model, optimizer, keep=0.75)
    seen = []
    for _ in range(2):
        for parameter in network.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        seen.append(network.output.bias.detach().clone())
    mean = bare(averaged).output.bias
    torch.testing.assert_close(mean, 0.75 * seen[0] + 0.25 * seen[1])
    assert running_mean(accelerator, model, optimizer, keep=0) is model
