"""Random networks of all operations: every spike of every layer at its cycle, with gaps and resets."""

from tests.testbenches.many import draw_many, kinds, simulate_many


def test_random_networks(tmp_path):
    schedules = draw_many(20, 1)
    drawn = kinds(schedules)
    assert {
        "conv2d",
        "unit",
        "window",
        "buffer",
        "FoldedSumSpec",
        "ProductSpec",
        "PoolSpec",
        "MaxSpec",
        "in steps",
        "in turn",
    } <= drawn.keys(), drawn
    result = simulate_many(schedules, tmp_path, 1)
    result.require_pass()
    assert result.figures["back_to_back.networks"] == 20
    assert result.figures["gaps_and_resets.spikes"] > 0
