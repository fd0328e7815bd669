"""What needs mitmproxy's web interface is left out where that has no authentication."""

from __future__ import annotations

from tests.tap.flows.mitmweb import HAS_TOKEN

if not HAS_TOKEN:
    collect_ignore_glob = ["test_holder.py"]  # tests/meshloom/debug/test_browser.py is skipped, too
