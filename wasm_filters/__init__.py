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
``properties/`` is what a filter can ask about its request and the proxy, ``foreign/`` what Envoy
offers it beyond the ABI; their doors are ``messages.py`` to protobuf and ``foreign/cel.py`` to CEL.
``trace.py`` listens. ``filters/`` holds the sources and builds of our own filters.
"""
