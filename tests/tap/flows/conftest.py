"""What needs mitmproxy's web interface is left out where that has no authentication."""

from __future__ import annotations

from tests.tap.flows.mitmweb import HAS_TOKEN

if not HAS_TOKEN:
    collect_ignore_glob = ["web/*"]  # test_web.py is skipped in part, and says why
