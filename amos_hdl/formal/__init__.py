"""Proofs that generated Verilog is the golden model, by a SAT solver: for all potentials, all traffic, any start."""
