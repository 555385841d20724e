"""What other people's software takes from a TAXII collection or a STIX file.

usage: observables.py taxii1 POLL_URL USER PASSWORD COLLECTION      polled by cabby
       observables.py taxii2 ROOT_URL USER PASSWORD COLLECTION      polled by taxii2-client
       observables.py stix1|stix2 FILE...
       observables.py count FILE...        STIX 1: how many of each type, every one counted

Prints type, value and what is said of it, each once, sorted, between tabs: "alone"
(it stands alone), "together" (it holds only with others) or "none" (negated, not
an equality, revoked, over, superseded, a bare observation). The types are ours.
What a package means is read with python-stix and python-cybox, what a pattern
means with stix2, so that their authors' understanding is compared with ours.
A content block that they cannot read is told on standard error, and left out.
"""
import collections
import datetime
import io
import ipaddress
import json
import re
import sys
import urllib.parse

RANK = {"alone": 0, "together": 1, "none": 2}
DIGESTS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


def worse(a, b):
    return max(a, b, key=RANK.get)


def refang(value):
    return re.sub(r"^hxxp", "http", value.replace("[.]", ".").replace("(.)", "."), flags=re.I)


def address(value, category=None):
    """The type and text of an address by what it is; the category only tells addresses from the rest."""
    if category in ("asn", "atm", "ext-value"):
        return "", value
    if category == "mac":
        return "mac_address", value
    if "@" in value:
        return "email", value
    try:
        if "/" in value:
            return "cidr", str(ipaddress.ip_network(value, strict=False))
        ip = ipaddress.ip_address(value)
        return ("ip" if ip.version == 4 else "ipv6"), str(ip)
    except ValueError:
        return "", value


def digest(value):
    value = value.strip()
    if len(value) in DIGESTS and re.fullmatch("[0-9A-Fa-f]+", value):
        return DIGESTS[len(value)], value.lower()
    return ("ssdeep" if value.count(":") == 2 else ""), value


def locator(value, kind=None):
    value = refang(value)
    return ("domain" if kind == "Domain Name" else "url"), value


class Package:
    """One STIX 1 package, walked."""

    def __init__(self, package, emit):
        self.emit, self.seen = emit, set()
        self.ids, composed = {}, set()
        for node in package.walk():
            if getattr(node, "id_", None):
                self.ids[node.id_] = node
            if type(node).__name__ == "ObservableComposition":
                composed.update(o.idref for o in node.observables if o.idref)
        for i in list(package.indicators or []) + [i for r in package.reports or [] for i in r.indicators or []]:
            self.indicator(i, "alone")
        for o in package.observables or []:
            if o.id_ not in composed:
                self.observable(o, "alone")
        for target in package.exploit_targets or []:
            for v in target.vulnerabilities or []:
                if v.cve_id:
                    self.emit("cve", v.cve_id, "alone")

    def once(self, node):
        """The node, or what it points at, if it was not here before."""
        if getattr(node, "idref", None):
            node = self.ids.get(node.idref)
        if node is None or (node.id_ and node.id_ in self.seen):
            return None
        self.seen.add(node.id_)
        return node

    def indicator(self, i, kind):
        if i.idref:  # whoever it points at is walked where it stands
            return
        if i.negate:
            kind = "none"
        if i.observable:  # not i.observables, which is the members of a composition and says not how they are composed
            self.observable(i.observable, kind)
        composed = i.composite_indicator_expression
        for part in composed or []:
            self.indicator(part, self.within(composed.operator, len(composed), kind))
        for t in i.test_mechanisms or []:
            rule = getattr(t, "rule", None)
            if type(t).__name__ == "YaraTestMechanism" and rule:
                self.emit("yara", rule_name(str(rule.value)), kind)

    @staticmethod
    def within(operator, parts, kind):
        return worse(kind, "together") if operator == "AND" and parts > 1 else kind

    def observable(self, o, kind):
        o = self.once(o)
        if o is None:
            return
        if getattr(o, "negate", None):
            kind = "none"
        composed = o.observable_composition
        if composed:
            parts = composed.observables or []
            for part in parts:
                self.observable(part, self.within(composed.operator, len(parts), kind))
        if o.object_:
            self.object(o.object_, kind)

    def object(self, o, kind):
        o = self.once(o)
        if o is None:
            return
        if o.properties is not None:
            self.properties(o.properties, kind)
        for related in o.related_objects or []:
            if related.properties is not None and str(related.relationship) in ("Contains", "Dropped", "Downloaded", "Connected_To", "Resolved_To", "Created"):
                self.properties(related.properties, kind)

    def field(self, prop, kind, typed):
        """The values of one field. typed makes type and text of one."""
        if prop is None or prop.value is None:
            return
        values = prop.value if isinstance(prop.value, list) else str(prop.value).split(prop.delimiter or "##comma##")
        values = [str(v).strip() for v in values]
        if prop.condition == "InclusiveBetween" and len(values) == 2:
            first, last = (ipaddress.ip_address(v) for v in values)
            values = [str(n) for n in ipaddress.summarize_address_range(first, last)]
        elif prop.condition not in (None, "Equals") or (len(values) > 1 and prop.apply_condition not in (None, "ANY")):
            kind = "none"
        for v in values:
            t, text = typed(v)
            self.emit(t, text, kind)

    def properties(self, p, kind):
        for cls in type(p).__mro__:
            read = getattr(self, "read_" + cls.__name__, None)
            if read:
                return read(p, kind)
        self.emit("", type(p).__name__, "none")

    def read_Address(self, p, kind):
        self.field(p.address_value, kind, lambda v: address(v, p.category))

    read_EmailAddress = read_Address

    def read_DomainName(self, p, kind):
        self.field(p.value, kind, lambda v: ("domain", refang(v)))

    def read_Hostname(self, p, kind):
        self.field(p.hostname_value, kind, lambda v: ("domain", refang(v)))

    def read_URI(self, p, kind):
        self.field(p.value, kind, lambda v: locator(v, p.type_))

    def read_File(self, p, kind):
        for h in p.hashes or []:
            self.field(h.simple_hash_value or h.fuzzy_hash_value, kind, digest)
        beside = worse(kind, "together") if p.hashes else kind
        if p.file_path:
            self.field(p.file_path, beside, lambda v: ("file_path", v))
        elif p.file_name:
            self.field(p.file_name, beside, lambda v: ("file_name", v))

    def read_EmailMessage(self, p, kind):
        h = p.header
        if not h:
            return
        senders = [a for a in (h.from_, h.sender, h.reply_to) if a]
        for a in senders:
            self.read_Address(a, kind)
        if h.subject:
            self.field(h.subject, worse(kind, "together") if senders else kind, lambda v: ("email_subject", v))

    def read_Mutex(self, p, kind):
        self.field(p.name, kind, lambda v: ("mutex", v))

    def read_WinRegistryKey(self, p, kind):
        hive = str(p.hive.value) + "\\" if p.hive else ""
        self.field(p.key, kind, lambda v: ("registry_key", hive + v))

    def read_SocketAddress(self, p, kind):
        if p.ip_address:
            self.read_Address(p.ip_address, kind)
        if p.hostname:
            self.read_Hostname(p.hostname, kind)
        if p.port:
            self.field(p.port.port_value, worse(kind, "together"), lambda v: ("", v))

    def read_HTTPSession(self, p, kind):
        for r in p.http_request_response or []:
            request = r.http_client_request
            line, header = request.http_request_line, request.http_request_header
            agent = header.parsed_header.user_agent if header and header.parsed_header else None
            self.field(agent, worse(kind, "together") if line else kind, lambda v: ("user_agent", v))

    def read_X509Certificate(self, p, kind):
        if p.certificate:
            self.field(p.certificate.serial_number, worse(kind, "together"), lambda v: ("", v))


def rule_name(text):
    found = re.search(r"\brule\s+(\w+)", text)
    return "rule " + found[1] if found else text


def stix1(text, emit):
    from stix.core import STIXPackage
    Package(STIXPackage.from_xml(io.BytesIO(text) if isinstance(text, bytes) else text), emit)


def path_type(path, value):
    """The type that a path of STIX 2 has, and the text."""
    kind, _, rest = path.partition(":")
    if rest.startswith("hashes."):
        return digest(value) if kind == "file" else ("certificate_fingerprint" if kind == "x509-certificate" else "", value.lower())
    if kind in ("ipv4-addr", "ipv6-addr") or rest in ("src_ref.value", "dst_ref.value", "resolves_to_refs[*].value"):
        return address(value)
    return {"domain-name:value": "domain", "url:value": "url", "email-addr:value": "email", "email-message:from_ref.value": "email",
            "email-message:subject": "email_subject", "file:name": "file_name", "file:parent_directory_ref.path": "file_path",
            "mutex:name": "mutex", "windows-registry-key:key": "registry_key",
            "network-traffic:extensions.http-request-ext.request_header.User-Agent": "user_agent"}.get(path, ""), value


def plain_path(lhs):
    """An object path without the quotes round its parts, which the library keeps here and there."""
    return str(lhs).replace("'", "")


def unescape(text):
    """The library keeps the backslashes of a string, in some versions."""
    return re.sub(r"\\(.)", r"\1", text)


def leaves(node):
    """The comparisons of one observation, under AND and OR."""
    if hasattr(node, "lhs"):
        yield node
    for part in getattr(node, "operands", None) or [n for n in (getattr(node, "expression", None),) if n]:
        yield from leaves(part)


def comparison(c, kind, emit):
    values = c.rhs.value if isinstance(c.rhs.value, list) else [c.rhs]
    if c.negated or c.operator not in ("=", "IN", "ISSUBSET"):
        kind = "none"
    for v in values:
        emit(*path_type(plain_path(c.lhs), unescape(str(v.value))), kind)


def together_after_all(node, emit, kind):
    """Two ANDs that say one thing: a file's name and folder, an address and its port."""
    parts = list(leaves(node))
    said = {plain_path(c.lhs): c for c in parts}
    if len(parts) != 2 or any(c.negated or c.operator != "=" for c in parts):
        return False
    if set(said) == {"file:name", "file:parent_directory_ref.path"}:
        folder, name = (unescape(said[p].rhs.value) for p in ("file:parent_directory_ref.path", "file:name"))
        emit("file_path", folder + "\\" + name, kind)
        return True
    if set(said) == {"network-traffic:dst_ref.value", "network-traffic:dst_port"}:
        comparison(said["network-traffic:dst_ref.value"], kind, emit)
        return True
    return False


def expression(node, kind, emit):
    """Walks a pattern: below an AND, a FOLLOWEDBY or a qualifier nothing stands alone."""
    name = type(node).__name__
    if hasattr(node, "lhs"):
        return comparison(node, kind, emit)
    if name == "QualifiedObservationExpression":
        return expression(node.observation_expression, worse(kind, "together"), emit)
    if name.startswith("And") and "Boolean" in name and together_after_all(node, emit, kind):
        return None
    if name.startswith(("And", "FollowedBy")):
        kind = worse(kind, "together")
    inner = getattr(node, "operands", None) or [getattr(node, "operand", None) or node.expression]
    for part in inner:
        expression(part, kind, emit)


def stix2_objects(objects, emit):
    newest = {}
    for o in objects:
        if o["id"] not in newest or o.get("modified", "") > newest[o["id"]].get("modified", ""):
            newest[o["id"]] = o
    for o in objects:
        stix2_object(o, "alone" if newest[o["id"]] is o else "none", emit)


def stix2_object(o, kind, emit):
    if o["type"] == "indicator":
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        if o.get("revoked") or o.get("valid_until", "9") < now:
            kind = "none"
        if o.get("pattern_type", "stix") == "yara":
            emit("yara", rule_name(o["pattern"]), kind)
        elif o.get("pattern_type", "stix") == "stix":
            from stix2.pattern_visitor import create_pattern_object
            expression(create_pattern_object(o["pattern"], version="2.1"), kind, emit)
    elif o["type"] == "vulnerability":
        emit("cve", o["name"], kind)
    elif o["type"] in ("ipv4-addr", "ipv6-addr", "domain-name", "url", "email-addr"):
        emit(*path_type(o["type"] + ":value", o["value"]), "none")
    elif o["type"] == "file":
        for value in o.get("hashes", {}).values():
            emit(*digest(value), "none")


def poll1(url, user, password, name, emit):
    from cabby import create_client
    at = urllib.parse.urlsplit(url)
    client = create_client(at.hostname, port=at.port, use_https=at.scheme == "https", discovery_path=url)
    client.set_auth(username=user, password=password)
    for n, block in enumerate(client.poll(name, uri=url), 1):
        try:
            stix1(block.content, emit)
        except Exception as e:
            print("block %d, labelled %s, cannot be read: %s" % (n, block.timestamp, e), file=sys.stderr)


def poll2(url, user, password, name, emit):
    from taxii2client.v21 import Collection, as_pages
    source = Collection(url + "collections/" + urllib.parse.quote(name) + "/", user=user, password=password)
    stix2_objects([o for page in as_pages(source.get_objects, per_request=100, version="all") for o in page.get("objects", [])], emit)


def main(verb, *args):
    if verb == "count":
        counts = collections.Counter()
        for path in args:
            stix1(path, lambda t, v, kind: counts.update([t]) if kind == "alone" else None)
        print(json.dumps(counts, sort_keys=True))
        return
    rows = set()

    def emit(*row):
        rows.add(row)

    if verb == "taxii1":
        poll1(*args, emit)
    elif verb == "taxii2":
        poll2(*args, emit)
    for path in args if verb in ("stix1", "stix2") else ():
        if verb == "stix1":
            stix1(path, emit)
        else:
            with open(path, encoding="utf-8") as f:
                stix2_objects(json.load(f)["objects"], emit)
    for row in sorted(rows):
        print("\t".join(row))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("taxii1", "taxii2", "stix1", "stix2", "count"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
