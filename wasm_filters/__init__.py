"""A Proxy-Wasm host: runs an Envoy filter here, without Envoy, as Envoy would.

Floor 1 of the house. The way through it::

    bytes ─ module ─ vm ─ plugin ─ filter ─ exchange ─ stream      one request, there and back
              │       │      │
              │       │    host · context · header_map · buffer    what hostcalls/ act on
              │     memory · border · cache
            abi · pairs · errors                                   the words

    from wasm_filters.filter import Filter
    outcome = Filter.load("filter.wasm", b"configuration").handle(Request(path="/"))

Only ``vm.py`` runs wasmtime (``validation.py`` asks it); they and ``cache.py`` are the doors.
``inspect.py`` says what a module is without running it. Everything above is plain Python
over bytes: no clock, no file, no network. What a filter sees of those comes in as arguments.
``trace.py`` listens. ``filters/`` holds the sources and builds of our own filters.
"""
