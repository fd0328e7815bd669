"""What a module says of its own source: which line a place in its code came from.

``functions`` are where its functions begin. ``dwarf`` (the door to pyelftools) reads DWARF, in a
process of its own (``reader``), because it comes from anybody; ``places`` asks it.
"""
