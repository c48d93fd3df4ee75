from copy import deepcopy

import torch

from galley.training.optimisers import Muon, Together, orthogonal


def two_parts():
    torch.manual_seed(0)
    left, right = torch.nn.Parameter(torch.randn(4, 4)), torch.nn.Parameter(torch.randn(3))
    return [left, right], Together(Muon([left], 0.1, 0.1, torch.float32), torch.optim.AdamW([right], lr=0.1))


def steps(parameters, optimiser, count):
    for _ in range(count):
        optimiser.zero_grad()
        sum((parameter**2).sum() for parameter in parameters).backward()
        optimiser.step()


def test_every_part_takes_its_step_at_the_rate_set_in_its_groups():
    parameters, optimiser = two_parts()
    assert len(optimiser.param_groups) == 2
    optimiser.param_groups[1]["lr"] = 0.0
    before = [parameter.detach().clone() for parameter in parameters]
    steps(parameters, optimiser, 1)
    assert not torch.equal(parameters[0], before[0])
    assert torch.equal(parameters[1], before[1])


def test_a_saved_state_goes_on_as_if_never_interrupted():
    whole, optimiser = two_parts()
    steps(whole, optimiser, 2)
    state, halfway = optimiser.state_dict(), [parameter.detach().clone() for parameter in whole]
    state = deepcopy(state)
    steps(whole, optimiser, 2)

    resumed, other = two_parts()
    with torch.no_grad():
        for parameter, value in zip(resumed, halfway, strict=True):
            parameter.copy_(value)
    other.load_state_dict(state)
    steps(resumed, other, 2)
    assert all(torch.equal(left, right) for left, right in zip(whole, resumed, strict=True))


def test_muon_takes_the_steps_of_the_stock_one():
    torch.manual_seed(0)
    ours, stock = (torch.nn.Parameter(torch.randn(24, 16, generator=torch.Generator().manual_seed(1))) for _ in "ab")
    steps([ours], Muon([ours], 0.02, 0.1, torch.bfloat16), 5)
    steps([stock], torch.optim.Muon([stock], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"), 5)
    before = torch.randn(24, 16, generator=torch.Generator().manual_seed(1))
    moved = (stock.detach() - before).norm()
    assert (ours - stock).norm() < 0.02 * moved


def test_an_orthogonal_update_has_singular_values_near_one():
    torch.manual_seed(0)
    for rows, columns in ((16, 64), (64, 16), (32, 32)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(rows, columns), torch.float32))
        assert 0.3 < values.min() <= values.max() < 1.3
