import pytest

from amos_hdl.schedule.memory import MEMORY_KINDS, Memory

#: What Yosys 0.70 did with the weights of folded sums (``benchmarks/folds.py``), and with memories of pixels.
PLACED = [
    ("ecp5", Memory(2304, 4), "block", 1),
    ("ecp5", Memory(64, 144), "block", 4),
    ("ecp5", Memory(72, 512), "block", 15),
    ("ecp5", Memory(640, 24), "block", 2),
    ("ecp5", Memory(4, 72), "logic", 72),
    ("ice40", Memory(2304, 4), "block", 3),
    ("ice40", Memory(64, 144), "logic", 576),
    ("ice40", Memory(72, 512), "block", 32),
    ("ice40", Memory(640, 24), "block", 5),
    ("ecp5", Memory(16, 4, is_table=False), "small", 1),
    ("gowin", Memory(16, 4, is_table=False), "logic", 64),
    ("ecp5", Memory(1024, 36, is_table=False), "block", 2),
]


@pytest.mark.parametrize(("family", "memory", "place", "count"), PLACED)
def test_memories_go_where_yosys_puts_them(family, memory, place, count):
    assert MEMORY_KINDS[family].place(memory) == (place, count)
