"""OTLP: what tracers and loggers send of OpenTelemetry → exchanges. Protocol logic, no I/O.

Attributes are named by OpenTelemetry's semantic conventions, the stable ones and those of before,
and by Envoy. Only those that a table of these modules names are read: what a database was asked
with, an exception's text or a message's payload is never taken.
"""
