"""The engine room: machine code from wasm, and calls both ways. Nothing here knows Proxy-Wasm.

``library`` (wasmtime itself, and the clock that stops a guest) → ``compiled`` (a module) → ``vm``
(one instance of it), with ``memory`` (its bytes, every address checked), ``stack`` (its functions
that wait) and ``border`` (what it is given and asked for). ``cache`` keeps machine code on the
disk; ``apart`` has it made by ``compiler``, in a process of its own. ``validation`` asks which
``proposals`` of WebAssembly a module needs. Only this room imports wasmtime.
"""
