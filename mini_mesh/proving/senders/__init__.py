"""The doors through which a claim's requests leave, one module for each way to send.

Each gives, while it is open, a function that sends one request and returns its sample; ``SENDERS``
in ``mini_mesh.proving.traffic`` is the table of them.
"""
