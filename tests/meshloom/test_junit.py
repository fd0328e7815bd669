"""The JUnit report is XML, whatever a test's trace holds."""

from __future__ import annotations

from xml.etree import ElementTree as xml

from meshloom.junit import JunitCase, junit_xml


def test_a_failure_holds_what_was_seen() -> None:
    cases = [JunitCase("f.yaml", "good", 0.001), JunitCase("f.yaml", "bad", 0.5, [("why", "long")])]
    root = xml.fromstring(junit_xml("all", cases, 1.5))
    assert root.attrib == {"name": "all", "tests": "2", "failures": "1", "time": "1.500"}
    good, bad = root
    assert (good.get("classname"), good.get("name"), len(good)) == ("f.yaml", "good", 0)
    assert bad[0].get("message") == "why"
    assert bad[0].text == "long"


def test_what_xml_can_not_hold_is_replaced() -> None:
    cases = [JunitCase("a", "b", 0, [("\x00\x1b[0m", "ü\ud800\tx\n")])]
    failure = xml.fromstring(junit_xml("a", cases, 0))[0][0]
    assert failure.get("message") == "\ufffd\ufffd[0m"
    assert failure.text == "ü\ufffd\tx\n"
