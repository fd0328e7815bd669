"""A rig for filters: one real Envoy between a client and upstreams that write down what they see.

One listener for each chain of wasm filters, a static bootstrap, loopback, ports that the kernel
chooses. ``config`` says what Envoy is told, ``client`` and ``upstream`` are the two ends, ``wire``
reads what they get, ``admin`` knows when all is done, ``log`` reads what Envoy says of its VMs, and
``rig`` puts them together.
"""
