"""Transport-socket taps: the bytes of a connection, as they are inside its TLS → exchanges. No I/O.

::

    traces → connection → http1 · http2 · opaque → assemble → join
"""
