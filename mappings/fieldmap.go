package mappings

import "slices"

// Field says what is looked for in one field of a log event. The name is that
// of ECS; other schemas are mapped onto it by the configuration of a source.
type Field struct {
	Name   string   // full name, dotted
	Types  []string // observable types (package ioc) that may stand in it
	Prefix string   // is read before the value: "path=" tells the matcher that a bare path is that of a URL
	Port   string   // sibling field that holds the port, which makes an address an ip_port
	Text   bool     // free text, in which a value may stand anywhere

	// UnlessTypes, a part of Types, are not looked for in an event that has the
	// field Unless: it says the same, and better.
	Unless      string
	UnlessTypes []string
}

// FieldMap returns the fields that are hunted, the most specific first: a value
// that stands in several fields of an event is reported at the first of them. No
// name is there twice. The caller may change what is returned.
func FieldMap() []Field {
	fs := slices.Concat(addresses(), names(), locators(), mailboxes(), digests(), hosts(), related(), texts())
	for i := range fs {
		fs[i].Types, fs[i].UnlessTypes = slices.Clone(fs[i].Types), slices.Clone(fs[i].UnlessTypes)
	}
	return fs
}

// Sets of types that fields share.
var (
	address = []string{"ip", "ipv6", "cidr"}
	socket  = []string{"ip", "ipv6", "cidr", "ip_port"} // where there is a port
	name    = []string{"domain"}
	peer    = []string{"ip", "ipv6", "cidr", "ip_port", "domain"} // whatever a log calls a host by
	mailbox = []string{"email", "domain"}                         // a mailbox and where it lies
	locator = []string{"url", "url_path", "ip", "ipv6", "cidr", "ip_port", "domain"}
	files   = []string{"file_path", "file_name"}
	cert    = []string{"certificate_fingerprint"}

	anything = []string{
		"ip", "ipv6", "cidr", "ip_port", "domain", "url", "url_path", "email", "email_subject",
		"md5", "sha1", "sha256", "sha512", "imphash", "pehash", "ssdeep", "ja3", "jarm", "certificate_fingerprint",
		"cve", "file_name", "file_path", "mutex", "user_agent", "registry_key", "mac_address", "bitcoin_address", "text",
	}
)

// addresses are the ends of a connection, then what stands for them, then the
// machines that were only there.
func addresses() []Field {
	return []Field{
		{Name: "source.ip", Types: socket, Port: "source.port"},
		{Name: "destination.ip", Types: socket, Port: "destination.port"},
		{Name: "client.ip", Types: socket, Port: "client.port"},
		{Name: "server.ip", Types: socket, Port: "server.port"},
		{Name: "source.nat.ip", Types: socket, Port: "source.nat.port"},
		{Name: "destination.nat.ip", Types: socket, Port: "destination.nat.port"},
		{Name: "client.nat.ip", Types: socket, Port: "client.nat.port"},
		{Name: "server.nat.ip", Types: socket, Port: "server.nat.port"},
		{Name: "network.forwarded_ip", Types: address},
		{Name: "dns.resolved_ip", Types: address},
		{Name: "process.entry_leader.entry_meta.source.ip", Types: address},
		{Name: "source.address", Types: peer, Port: "source.port"},
		{Name: "destination.address", Types: peer, Port: "destination.port"},
		{Name: "client.address", Types: peer, Port: "client.port"},
		{Name: "server.address", Types: peer, Port: "server.port"},
	}
}

// names are host names. What is below a listed name is looked for in them too,
// so that the registered domain of a name adds nothing where the name is there.
func names() []Field {
	return []Field{
		{Name: "dns.question.name", Types: name},
		{Name: "dns.question.registered_domain", Types: name, Unless: "dns.question.name", UnlessTypes: name},
		{Name: "dns.answers.name", Types: name},
		{Name: "dns.answers.data", Types: []string{"ip", "ipv6", "cidr", "domain", "url"}}, // a record of text may hold a URL
		{Name: "url.domain", Types: peer, Port: "url.port"},
		{Name: "url.registered_domain", Types: name, Unless: "url.domain", UnlessTypes: name},
		{Name: "tls.client.server_name", Types: []string{"domain", "ip", "ipv6", "cidr"}},
		{Name: "source.domain", Types: name},
		{Name: "destination.domain", Types: name},
		{Name: "client.domain", Types: name},
		{Name: "server.domain", Types: name},
		{Name: "tls.server.x509.subject.common_name", Types: name},
		{Name: "tls.server.x509.alternative_names", Types: []string{"domain", "ip", "ipv6", "cidr"}},
		{Name: "tls.client.x509.subject.common_name", Types: name},
		{Name: "tls.client.x509.alternative_names", Types: []string{"domain", "ip", "ipv6", "cidr"}},
	}
}

// locators are URLs and their parts. Names are looked for in whole URLs although
// the host stands in url.domain too: a redirect in the query names another one.
// Web servers write a bare path into url.original.
func locators() []Field {
	return []Field{
		{Name: "url.full", Types: locator},
		{Name: "url.original", Types: locator, Prefix: "path="},
		{Name: "url.path", Types: []string{"url_path"}, Prefix: "path="},
		{Name: "url.query", Types: []string{"url", "ip", "ipv6", "cidr", "ip_port", "domain", "email"}}, // where redirects and injections point to
		{Name: "http.request.referrer", Types: locator},
	}
}

func mailboxes() []Field {
	var fs []Field
	for _, n := range []string{
		"email.from.address", "email.sender.address", "email.reply_to.address", "email.to.address", "email.cc.address", "email.bcc.address",
		"user.email", "source.user.email", "destination.user.email", "client.user.email", "server.user.email",
		"user.effective.email", "user.target.email", "user.changes.email",
	} {
		fs = append(fs, Field{Name: n, Types: mailbox})
	}
	return fs
}

// digests are hashes of files, certificates and greetings. The field says which
// digest it is: an imphash is as long as an MD5.
func digests() []Field {
	var fs []Field
	for _, of := range []string{"file", "process", "process.parent", "dll", "email.attachments.file"} {
		for _, h := range []string{"md5", "sha1", "sha256", "sha512", "ssdeep"} {
			fs = append(fs, Field{Name: of + ".hash." + h, Types: []string{h}})
		}
	}
	for _, of := range []string{"file", "process", "process.parent", "dll"} {
		for _, h := range []string{"imphash", "pehash"} {
			fs = append(fs, Field{Name: of + ".pe." + h, Types: []string{h}})
		}
	}
	for _, of := range []string{"tls.server.hash", "tls.client.hash"} {
		for _, h := range []string{"md5", "sha1", "sha256"} {
			fs = append(fs, Field{Name: of + "." + h, Types: cert})
		}
	}
	return append(fs, Field{Name: "tls.client.ja3", Types: []string{"ja3"}}, Field{Name: "tls.server.ja3s", Types: []string{"ja3"}})
}

// hosts are what is on a machine: files, processes, registry, weaknesses, cards.
func hosts() []Field {
	fs := []Field{
		{Name: "file.path", Types: files},
		{Name: "file.target_path", Types: files},
		{Name: "process.executable", Types: files},
		{Name: "process.parent.executable", Types: files},
		{Name: "process.working_directory", Types: []string{"file_path"}},
		{Name: "dll.path", Types: files},
		{Name: "file.name", Types: []string{"file_name"}},
		{Name: "process.name", Types: []string{"file_name"}},
		{Name: "process.parent.name", Types: []string{"file_name"}},
		{Name: "dll.name", Types: []string{"file_name"}},
		{Name: "email.attachments.file.name", Types: []string{"file_name"}},
		{Name: "registry.path", Types: []string{"registry_key"}},
		{Name: "registry.key", Types: []string{"registry_key"}},
		{Name: "registry.value", Types: []string{"registry_key"}},
		{Name: "vulnerability.id", Types: []string{"cve"}},
	}
	for _, n := range []string{"source.mac", "destination.mac", "client.mac", "server.mac", "host.mac", "observer.mac"} {
		fs = append(fs, Field{Name: n, Types: []string{"mac_address"}})
	}
	return fs
}

// related are the machines that saw the event, and the lists in which a shipper
// repeats what stands elsewhere.
func related() []Field {
	return []Field{
		{Name: "host.ip", Types: address},
		{Name: "observer.ip", Types: address},
		{Name: "host.name", Types: name},
		{Name: "related.ip", Types: address},
		{Name: "related.hosts", Types: []string{"domain", "ip", "ipv6", "cidr"}},
		{Name: "related.hash", Types: []string{"md5", "sha1", "sha256", "sha512", "imphash", "pehash", "ssdeep", "ja3", "jarm", "certificate_fingerprint"}},
	}
}

// texts are what people and programs wrote. What has no field of its own in ECS
// (mutexes, wallets, JARM) is found here.
func texts() []Field {
	return []Field{
		{Name: "user_agent.original", Types: anything, Text: true}, // injections stand in it
		{Name: "email.subject", Types: anything, Text: true},
		{Name: "process.command_line", Types: anything, Text: true},
		{Name: "process.parent.command_line", Types: anything, Text: true},
		{Name: "registry.data.strings", Types: anything, Text: true},
		{Name: "message", Types: anything, Text: true},
		{Name: "event.original", Types: anything, Text: true}, // not indexed
	}
}
