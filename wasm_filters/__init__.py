"""A Proxy-Wasm host: runs an Envoy filter here, without Envoy, as Envoy would.

Floor 1 of the house. The way through it::

    bytes ─ module ─ vm ─ plugin ─ chain (hostcalls act on the host's state) ─ trace

Only ``vm.py`` knows wasmtime. Everything above it is plain Python over bytes: no clock, no file,
no network. What a filter sees of those comes in as arguments.
"""
