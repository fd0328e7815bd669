"""mitmproxy's web interface, imported once. Python 3.11 gets one that stays off."""

from __future__ import annotations

import sys
import warnings

if sys.version_info < (3, 12):
    collect_ignore_glob = ["web/*"]  # test_web.py is skipped in part, and says why
else:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of ldap3, which it imports
        import mitmproxy.tools.web.app  # noqa: F401
