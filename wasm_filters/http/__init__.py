"""HTTP: requests and responses through a chain of filters, as Envoy's filter manager has it.

``chain`` (what to call) → ``exchange`` (one request there and back) → ``way`` (the iteration of one
direction) → ``plugin_filter`` (the callbacks of one plugin). ``arrived`` is what comes out.
"""
