"""A second model of a unit, written from the definition alone: one image, one gate, one time step at a time."""

from amos_hdl.circuit import ThresholdCircuit


def fire(circuit: ThresholdCircuit, x: int) -> tuple[list[int], int, list[list[int]]]:
    """Return the spikes, y, and for each time step the gates that spiked in it."""
    z = [0] * circuit.gates
    history = []
    for level in range(1, circuit.depth + 1):
        fired = []
        for gate in range(circuit.gates):
            if circuit.levels[gate] != level:
                continue
            earlier = [j for j in range(circuit.gates) if circuit.levels[j] < level]
            if circuit.tables:
                digits = "".join(str(z[j]) for j in earlier)
                threshold = circuit.tables[gate][int(digits or "0", 2)]
            else:
                threshold = circuit.thresholds[gate] + sum(circuit.lateral[gate][j] * z[j] for j in earlier)
            if circuit.gains[gate] * x >= threshold:
                fired.append(gate)
        for gate in fired:
            z[gate] += 1
        history.append(fired)
    return z, circuit.offset + sum(d * s for d, s in zip(circuit.outputs, z, strict=True)), history
