"""The words of a test file: pydantic models that refuse what they do not know.

``values`` (bodies, fields, pieces) → ``messages`` (requests, answers) and ``matches`` (how they
must look) → ``expect`` → ``suite`` (one file).
"""
