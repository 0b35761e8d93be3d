"""Amaranth components; each is built from a spec of ``schedule/`` and does exactly what the spec says."""
