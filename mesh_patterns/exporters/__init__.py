"""Exporters: a mesh in the words of others, who may run it somewhere else.

A dialect says less than a draft. So an export has two steps: the draft is *fitted*, cut down to
what the dialect can say, with everything that goes told (``losses``); what is left is written, all
of it. The law between them: what is written imports as the very resources of the fitted draft.

An exporter is a module with ``documents(draft, losses, folder)``; ``dialects`` is the table.
"""
