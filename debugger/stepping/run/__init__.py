"""A recording run again under watch, and what is known of it then.

``watcher`` notes each ``stop`` and what it changed in the ``state``; ``history`` is all of them.
``memory`` runs the recording once more, for what was not noted.
"""
