"""The differ: the same requests through our host and through a real Envoy, and what differs.

``sources`` and ``generate`` make cases of files and seeds; ``here`` and ``there`` run one in our
host and in the rig, each into a ``View``; ``compare`` lays two views side by side, ``known`` tells
which differences have a reason, and ``run`` does it for many cases.
"""
