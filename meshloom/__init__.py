"""The command line and the wiring: one file per command.

Floor 4, the top of the house. The only place that picks real clocks, ports and processes; the
rooms below take them as arguments. A command's module imports its room when it runs, not when it
is read: ``meshloom --help`` must not pay for Envoy's messages.
"""

__version__ = "0.1.0"
