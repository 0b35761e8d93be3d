"""The host's end of a board's link: images out, results back, compared with the golden model.

``client`` speaks the protocol of ``amos_hdl.schedule.link`` over anything that moves bytes: a serial port, or the pins
of a simulated board.
"""
