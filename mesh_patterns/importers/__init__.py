"""Other people's files, turned into our language.

The way through this room::

    documents ─ a reader per dialect ─ objects ─ kubernetes (services) ─ istio (policy) ─ one tree

Every dialect comes down to Kubernetes objects first, whatever the envelope was, and all objects of
all files are looked at together: a Meshery file, an Istio file and one of our own that name the
same service mean the same service. The tree is made of the nodes of the files that were read, so
every value still knows the line that somebody else's file has it on.

What was ignored or approximated comes with the tree, as warnings: nothing disappears silently.
"""
