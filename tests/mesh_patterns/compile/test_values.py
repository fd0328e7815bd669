from __future__ import annotations

import pytest

from mesh_patterns.compile.values import as_regex, fractional, header_options
from mesh_yaml.matching import StringMatch
from xds_server.protos import core, envoy_type

DENOMINATORS = envoy_type.FractionalPercentDenominatorType
ACTIONS = core.HeaderValueOptionHeaderAppendAction


@pytest.mark.parametrize(
    ("percent", "numerator", "denominator"),
    [
        (0, 0, DENOMINATORS.HUNDRED),
        (10, 10, DENOMINATORS.HUNDRED),
        (100.0, 100, DENOMINATORS.HUNDRED),
        (0.5, 5000, DENOMINATORS.MILLION),
        (33.3333, 333333, DENOMINATORS.MILLION),
        (0.00001, 0, DENOMINATORS.MILLION),
    ],
)
def test_a_percentage_is_kept_to_a_ten_thousandth(
    percent: float, numerator: int, denominator: DENOMINATORS
) -> None:
    found = fractional(percent)
    assert (found.numerator, found.denominator) == (numerator, denominator)


def test_a_part_of_a_text_is_taken_literally() -> None:
    assert as_regex(StringMatch("suffix", ".js")) == ".*\\.js"
    assert as_regex(StringMatch("contains", "a+b")) == ".*a\\+b.*"
    assert as_regex(StringMatch("regex", "a+b")) == "a+b"
    assert as_regex(StringMatch("regex", "a+b"), ignore_case=True) == "(?i)a+b"


def test_a_percent_sign_in_a_header_starts_no_command() -> None:
    set_, added = header_options((("a", "50%"),), (("b", ""),))
    assert (set_.header, set_.append_action) == (
        core.HeaderValue(key="a", value="50%%"),
        ACTIONS.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    assert (added.append_action, added.keep_empty_value) == (ACTIONS.APPEND_IF_EXISTS_OR_ADD, True)
