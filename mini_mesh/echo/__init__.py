"""The built-in workload: answers with what it got, and with what the services that it calls got.

One process serves all echo instances of a mesh: ``python -m mini_mesh.echo`` reads one JSON line of
instances after the other from standard input, and says ``ready`` on standard output when all of
them listen. ``config`` has the nouns, and is the only module that the mesh needs to import.
"""
