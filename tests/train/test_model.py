"""A network in training: where it starts from, what learns, its running mean."""

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from colorlab.network import ColorNet
from colorlab.train.model import (
    _update_mean,
    bare,
    make_optimizer,
    start_from,
    unwrapped,
)
from colorlab.transfer import BorrowedNet


def test_an_encoder_is_a_group_of_its_own():
    network = BorrowedNet(4)
    optimizer = make_optimizer(network, "adamw", frozen=False, lr=1e-3)
    head, encoder = (group["params"] for group in optimizer.param_groups)
    assert {id(p) for p in encoder} == {id(p) for p in network.encoder_parameters()}
    assert len(head) + len(encoder) == len(list(network.parameters()))
    assert all(parameter.requires_grad for parameter in encoder)


def test_a_frozen_encoder_needs_no_gradients():
    network = BorrowedNet(4)
    make_optimizer(network, "adam", frozen=True, lr=1e-3)
    assert not any(p.requires_grad for p in network.encoder_parameters())
    assert network.output.weight.requires_grad


def test_a_network_without_an_encoder_is_one_group():
    optimizer = make_optimizer(ColorNet(2), "adamw", frozen=True, lr=1e-3)
    assert len(optimizer.param_groups) == 1


def test_weights_are_taken_over():
    theirs, mine = ColorNet(2), ColorNet(2)
    assert not torch.equal(theirs.conv1[0].weight, mine.conv1[0].weight)
    start_from(mine, theirs)
    for name, weight in theirs.state_dict().items():
        assert torch.equal(weight, mine.state_dict()[name]), name


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="init must have width 2, .* it has width 3"):
        start_from(ColorNet(2), ColorNet(3))


def test_the_mean_is_a_copy_at_first_and_moves_then():
    model = torch.nn.Linear(1, 1)
    averaged = AveragedModel(model, use_buffers=True)
    for value, expected in ((4.0, 4.0), (8.0, 5.0)):  # 0.75 * 4 + 0.25 * 8
        torch.nn.init.constant_(model.weight, value)
        _update_mean(averaged, model, 0.75)
        assert averaged.module.weight.item() == expected
    assert averaged.n_averaged == 2


def test_what_is_wrapped_round_is_taken_off():
    network = ColorNet(2).train()
    wrapped = torch.nn.DataParallel(AveragedModel(network))
    assert unwrapped(wrapped) is wrapped.module.module
    copy = bare(wrapped)
    assert isinstance(copy, ColorNet)
    assert not copy.training
    assert network.training
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, copy.state_dict()[name]), name
