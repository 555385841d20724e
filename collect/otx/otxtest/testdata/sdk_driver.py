"""Drives the official OTX SDK and prints what it got, one JSON object a line.

    sdk_driver.py CALL...    with the orders as JSON on standard input:
    {"url": ..., "key": ..., "ca": path or null, "since": ISO time, "pulse": id, "user": name}

Each line is {"call": name, "result": ...} or {"call": name, "error": class of
the exception, "text": its text}. What an answer ought to be is not known here;
the Go test compares.
"""
import datetime
import json
import sys
from urllib.parse import quote

import IndicatorTypes
from OTXv2 import OTXv2

do = json.load(sys.stdin)
otx = OTXv2(do["key"], server=do["url"], verify=do["ca"] or True)
since = datetime.datetime.fromisoformat(do["since"])


def facts(pulses):
    """(pulse, type, value, expiration) of all pulses, cut lists read in full."""
    out = []
    for p in pulses:
        inds = otx.get_pulse_indicators(p["id"], limit=20) if p["more_indicators"] else p["indicators"]
        out += [[p["id"], i["type"], i["indicator"], i["expiration"] or ""] for i in inds]
    return out


def names(pulses):
    return [p["id"] for p in pulses]


def flat(inds):
    return [[i["type"], i["indicator"]] for i in inds]


def wrong_key():
    return OTXv2("bad", server=do["url"], verify=do["ca"] or True).getall()


CALLS = {
    "getall": lambda: facts(otx.getall()),
    "getall_limit": lambda: names(otx.getall(limit=7)),
    "getall_max_page": lambda: names(otx.getall(limit=7, max_page=2)),
    "getall_iter": lambda: names(otx.getall_iter(limit=1000)),
    "getall_author": lambda: names(otx.getall(author_name=do["user"], limit=5)),
    "getsince": lambda: names(otx.getsince(since, limit=7)),
    "getsince_aware": lambda: names(otx.getsince(since.replace(tzinfo=datetime.timezone.utc), limit=7)),
    "get_all_indicators": lambda: flat(otx.get_all_indicators()),
    "get_all_indicators_ip": lambda: flat(otx.get_all_indicators(indicator_types=[IndicatorTypes.IPv4])),
    "get_pulse_details": lambda: otx.get_pulse_details(do["pulse"]),
    "get_pulse_indicators": lambda: flat(otx.get_pulse_indicators(do["pulse"])),
    "get_pulse_indicators_inactive": lambda: flat(otx.get_pulse_indicators(do["pulse"], include_inactive=True, limit=6)),
    "get_user_pulses": lambda: names(otx.get_user_pulses(do["user"])),
    "search_pulses": lambda: otx.search_pulses("generated", max_results=40),
    "get_user": lambda: otx.get_user("me", detailed=False),
    "get_user_detailed": lambda: otx.get_user(do["user"]),
    "details_ip": lambda: otx.get_indicator_details_full(IndicatorTypes.IPv4, do["ip"]),
    "details_domain": lambda: otx.get_indicator_details_full(IndicatorTypes.DOMAIN, "nothing-known.test"),
    "details_file": lambda: otx.get_indicator_details_by_section(IndicatorTypes.FILE_HASH_SHA256, "ab" * 32),
    "details_cve": lambda: otx.get_indicator_details_by_section(IndicatorTypes.CVE, "CVE-2099-1234"),
    "details_url": lambda: otx.get_indicator_details_by_section(IndicatorTypes.URL, quote(do["link"], safe="")),
    "details_url_raw": lambda: otx.get_indicator_details_by_section(IndicatorTypes.URL, do["link"]),
    "validate": lambda: otx.validate_indicator(IndicatorTypes.DOMAIN, "Bad.Example"),
    "validate_bad": lambda: otx.validate_indicator(IndicatorTypes.IPv4, "1.2.3"),
    "getevents_since": lambda: [[e["action"], e["object_type"], e["object_id"]] for e in otx.getevents_since(since, limit=1)],
    "unsubscribe_from_user": lambda: otx.unsubscribe_from_user(do["user"]),
    "subscribe_to_user": lambda: otx.subscribe_to_user(do["user"]),
    "no_such_pulse": lambda: otx.get_pulse_details("a" * 24),
    "bad_date": lambda: otx.getall(modified_since="yesterday"),
    "wrong_key": wrong_key,
}

for name in sys.argv[1:]:
    try:
        line = {"call": name, "result": CALLS[name]()}
    except Exception as e:  # the SDK raises bare Exception too
        line = {"call": name, "error": type(e).__name__, "text": str(e)}
    print(json.dumps(line), flush=True)
