"""Random circuits for hypothesis."""

from hypothesis import strategies as st

from amos_hdl.circuit import ThresholdCircuit

SMALL = st.integers(-20, 20)


@st.composite
def level_lists(draw: st.DrawFn, most: int = 6) -> tuple[int, ...]:
    """Draw levels: 1 first, each the same as before or one more."""
    levels = [1]
    for rises in draw(st.lists(st.booleans(), max_size=most - 1)):
        levels.append(levels[-1] + rises)
    return tuple(levels)


@st.composite
def linear_circuits(draw: st.DrawFn) -> ThresholdCircuit:
    """Draw a circuit of the linear form with up to 6 gates on any levels."""
    levels = draw(level_lists())
    count = len(levels)

    def integers() -> tuple[int, ...]:
        return tuple(draw(st.lists(SMALL, min_size=count, max_size=count)))

    lateral = tuple(tuple(draw(SMALL) if levels[j] < levels[i] else 0 for j in range(count)) for i in range(count))
    gains = tuple(draw(st.lists(st.integers(-3, 3), min_size=count, max_size=count)))
    return ThresholdCircuit(gains, integers(), levels, draw(SMALL), integers(), lateral)


@st.composite
def table_circuits(draw: st.DrawFn) -> ThresholdCircuit:
    """Draw a circuit of the table form with up to 4 gates on any levels, any thresholds."""
    levels = draw(level_lists(4))
    count = len(levels)
    tables = tuple(
        tuple(draw(st.lists(SMALL, min_size=size, max_size=size)))
        for size in (1 << levels.index(level) for level in levels)
    )
    outputs = tuple(draw(st.lists(SMALL, min_size=count, max_size=count)))
    gains = tuple(draw(st.lists(st.sampled_from([-2, -1, 1, 3]), min_size=count, max_size=count)))
    return ThresholdCircuit(gains, outputs, levels, draw(SMALL), tables=tables)


circuits = st.one_of(linear_circuits(), table_circuits())
