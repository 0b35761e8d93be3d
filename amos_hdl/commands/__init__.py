"""The verbs of the command line, a file per group: one thin function per verb, which names its options."""
