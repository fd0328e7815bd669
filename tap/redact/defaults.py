"""What is a secret unless somebody says otherwise: tables, to be read and argued about.

Names are lower case; ``*`` stands for anything, and ``-`` or ``_`` for any separator or none, so
``*access_token`` is ``accessToken`` as well. A name also counts as the last word of a longer one:
``pin`` is ``user_pin``, and not ``spin``.
"""

from __future__ import annotations

from tap.redact.pattern import Pattern

HEADERS = (  # exactly, with * as in a shell
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "cookie2",
    "set-cookie2",
    "*api-key",
    "*apikey",
    "*token",
    "*secret",
    "*password",
    "x-forwarded-authorization",
    "x-forwarded-access-token",
    "x-amz-security-token",
    "x-forwarded-client-cert",
    "*-session-id",
    "*-session",
)
NAMES = (  # of keys in JSON, elements, fields of forms, parameters, and in lines ``name: value``
    "*authorization",
    "*cookie",
    "*cookie2",
    "*token",
    "*secret",
    "*secrets",
    "*secret_key",
    "*secret_access_key",
    "*password",
    "*passwords",
    "*passwd",
    "*passphrase",
    "*passcode",
    "pass",
    "pwd",
    "*api_key",
    "*access_key",
    "*private_key",
    "*encryption_key",
    "*signing_key",
    "*credential",
    "*credentials",
    "*assertion",
    "saml_response",
    "*session_id",
    "*session_key",
    "jsessionid",
    "phpsessid",
    "jwt",
    "otp",
    "totp",
    "pin",
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "card",
    "cards",
    "*credit_card",
    "*card_number",
    "*card_no",
    "*cc_number",
    "pan",
    "ssn",
    "*social_security_number",
    "*client_cert",
)
PARAMETERS = (  # of forms and queries only: as a key in JSON, these say something else
    "sig",
    "signature",
    "x-amz-signature",
    "x-goog-signature",
    "x-amz-credential",
    "x-goog-credential",
    "code_verifier",
)

_TOKEN = r"[\w.~+/-]"  # RFC 6750, section 2.1
_ISSUER = r"(?:4\d|5[0-8]|2[2-7]|3[04-9]|6\d)"  # the beginning of a card's number
_PEM = r"[\w+/=\s\\:,.-]"  # the lines of a key, also as one JSON string

PATTERNS = (
    Pattern(
        "jwt",  # RFC 7519: three parts, or five; a JSON object in base64url begins with eyJ
        r"eyJ[\w-]{6,}\.[\w-]{4,}\.[\w-]*(?:\.[\w-]*\.[\w-]*)?",
        cut=r"eyJ[\w-]{2,}(?:\.[\w-]*){0,4}",
    ),
    Pattern(
        "bearer",
        rf"(?i:bearer)(?:\s|\+|%20){{1,8}}(?P<secret>{_TOKEN}{{6,}}=*)",
        cut=r"(?i:bearer)(?:\s|\+|%20){1,8}(?P<secret>\S+)",
        check="bearer",
    ),
    Pattern(
        "basic",  # RFC 7617
        r"(?i:basic)(?:\s|\+|%20){1,8}(?P<secret>[\w+/-]{4,}(?:=|%3[dD]){0,2})",
        cut=r"(?i:basic)(?:\s|\+|%20){1,8}(?P<secret>\S+)",
        check="basic",
    ),
    Pattern(
        "aws access key",
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
        cut=r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]+",
    ),
    Pattern(
        "github token",
        r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})",
        cut=r"(?:gh[pousr]_\w*|github_pat_\w*)",
    ),
    Pattern(
        "service token",  # GitLab, Slack, Stripe, Google, npm
        r"(?:glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,}"
        r"|whsec_[\w+/=]{20,}|AIza[\w-]{35}|ya29\.[\w-]{20,}|npm_[A-Za-z0-9]{36})",
        cut=r"(?:glpat-|xox[abeoprs]-|[rs]k_(?:live|test)_|whsec_|AIza|ya29\.|npm_)[\w+/=-]*",
    ),
    Pattern(
        "private key",  # RFC 7468
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
        rf"(?:{_PEM}*?-----END [A-Z0-9 ]{{0,40}}PRIVATE KEY-----|{_PEM}*)",
        cut=r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?s:.*)",
    ),
    Pattern(
        "password in a url",  # RFC 3986, section 3.2.1
        r"""://[^\s/:@"'<>\\?#]{0,256}:(?P<secret>[^\s/@"'<>\\?#]{1,256})@""",
        cut=r"""://[^\s/:@"'<>\\?#]{1,256}:(?P<secret>[^\s/@"'<>\\?#:]*[^\s/@"'<>\\?#:0-9]\S*)""",
    ),
    Pattern(
        "card number",  # ISO/IEC 7812, in one piece or in the groups that cards have
        rf"(?:^|\D)(?P<secret>{_ISSUER}(?:\d{{11,17}}"
        r"|\d\d(?:[ +-]\d{4}){3}(?:[ +-]\d{3})?|\d\d[ +-]\d{6}[ +-]\d{4,5}))",
        cut=rf"(?:^|[^\w.])(?P<secret>{_ISSUER}\d{{2}}(?:[ +-]?\d)+[ +-]?)",
        check="card",
    ),
)
