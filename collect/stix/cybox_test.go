package stix

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCybOXObjects reads one object of a kind at a time, as an indicator has it.
func TestCybOXObjects(t *testing.T) {
	f := func(kind, fields string, want ...string) {
		t.Helper()
		doc := xPack(xIn("Indicators", xInd("", xObs("i", "", xProps(kind, fields)))))
		slices.Sort(want)
		if d := cmp.Diff(want, xRead(t, doc, Options{})); d != "" {
			t.Errorf("%s%s\n-want +got:\n%s", kind, fields, d)
		}
	}
	hash := func(label, value string) string {
		return `<F:Hashes><cc:Hash><cc:Type>` + label + `</cc:Type><cc:Simple_Hash_Value>` + value + `</cc:Simple_Hash_Value></cc:Hash></F:Hashes>`
	}
	address := func(tag, value string) string {
		return "<O:" + tag + "><A:Address_Value>" + value + "</A:Address_Value></O:" + tag + ">"
	}
	md5, sha1, sha256, sha512 := strings.Repeat("0a", 16), strings.Repeat("0b", 20), strings.Repeat("0c", 32), strings.Repeat("0d", 64)

	// Addresses of all categories.
	f("Address", `><A:Address_Value>192.0.2.1</A:Address_Value>`, "ip 192.0.2.1")
	f("Address", ` category="ipv6-addr"><A:Address_Value>2001:db8::1</A:Address_Value>`, "ipv6 2001:db8::1")
	f("Address", ` category="e-mail"><A:Address_Value>a@example.com</A:Address_Value>`, "email a@example.com")
	f("Address", ` category="cidr"><A:Address_Value>192.0.2.0/24</A:Address_Value>`, "cidr 192.0.2.0/24")
	f("Address", ` category="ipv4-net"><A:Address_Value>192.0.2.0/255.255.255.0</A:Address_Value>`, "cidr 192.0.2.0/255.255.255.0")
	f("Address", ` category="mac"><A:Address_Value>00:00:5e:00:53:01</A:Address_Value>`, "mac_address 00:00:5e:00:53:01")
	f("Address", ` category="asn"><A:Address_Value>AS64496</A:Address_Value>`, "asn AS64496 (no type)")
	f("Address", ` category="ipv4-net-mask"><A:Address_Value>255.0.0.0</A:Address_Value>`, "ipv4-net-mask 255.0.0.0 (no type)")
	f("Address", ` category="ext-value"><A:Address_Value>192.0.2.1</A:Address_Value>`, " 192.0.2.1")
	f("Address", ` is_spoofed="true"><A:Address_Value>192.0.2.1</A:Address_Value>`, "ip 192.0.2.1 (benign)")
	f("Address", `><A:Address_Value> </A:Address_Value>`)

	// Names and locators.
	f("DomainName", ` type="FQDN"><D:Value>www.example.com</D:Value>`, "domain www.example.com")
	f("DomainName", ` type="TLD"><D:Value>com</D:Value>`, "tld com (no type)")
	f("Hostname", ` is_domain_name="true"><H:Hostname_Value>www.example.com</H:Hostname_Value><H:Naming_System>DNS</H:Naming_System>`, "domain www.example.com")
	f("URI", ` type="URL"><U:Value>http://example.com/a?b=1&amp;c=2,3</U:Value>`, "url http://example.com/a?b=1&c=2,3")
	f("URI", `><U:Value>hxxp://example[.]com/</U:Value>`, "url hxxp://example[.]com/")
	f("URI", ` type="Domain Name"><U:Value>example.com</U:Value>`, "domain example.com")
	f("URI", ` type="General URN"><U:Value>urn:x:y</U:Value>`, "general urn urn:x:y (no type)")
	f("Link", ` type="URL"><U:Value>http://example.com/</U:Value><O:URL_Label>click</O:URL_Label>`, "url http://example.com/")
	f("URI", `><U:Value><![CDATA[http://example.com/?a<b&c]]></U:Value>`, "url http://example.com/?a<b&c")
	f("URI", `><x:Value xmlns:x="http://example.com/">http://example.com/</x:Value>`, "URI http://example.com/ (no type)")

	// Files.
	f("File", `>`+hash("MD5", md5), "md5 "+md5)
	f("File", `>`+hash("MD5", sha256)+hash("Other", sha1)+hash("", sha512), "sha256 "+sha256, "sha1 "+sha1, "sha512 "+sha512)
	f("File", `>`+hash("SHA-256", strings.ToUpper(sha256)), "sha256 "+strings.ToUpper(sha256))
	f("File", `>`+hash("MD5", md5+"##comma##"+md5[2:]+"0b"), "md5 "+md5, "md5 "+md5[2:]+"0b")
	f("File", `>`+hash("MD5", md5+","+md5[2:]+"0b"), "md5 "+md5, "md5 "+md5[2:]+"0b")
	f("File", `>`+hash("IMPHASH", md5), "imphash "+md5)
	f("File", `>`+hash("SHA3-256", sha256), "sha3256 "+sha256+" (no type)")
	f("File", `>`+hash("SHA224", sha256[:56]), "sha224 "+sha256[:56]+" (no type)")
	f("File", `>`+hash("MD5", md5[1:]), "md5 "+md5[1:]) // canon says what is wrong
	f("File", `>`+hash("SHA1", "not known"), "sha1 not known")
	f("File", `><F:Hashes><cc:Hash><cc:Type>SSDEEP</cc:Type><cc:Fuzzy_Hash_Value>3:a:b</cc:Fuzzy_Hash_Value></cc:Hash></F:Hashes>`, "ssdeep 3:a:b")
	f("File", `><F:Hashes><cc:Hash><cc:Fuzzy_Hash_Value>3:a:b</cc:Fuzzy_Hash_Value></cc:Hash></F:Hashes>`, "ssdeep 3:a:b")
	f("File", `><F:File_Name>a.exe</F:File_Name>`, "file_name a.exe")
	f("File", `><F:File_Name>a.exe</F:File_Name><F:File_Extension>exe</F:File_Extension>`, "file_name a.exe")
	f("File", `><F:File_Name>a.exe</F:File_Name><F:Size_In_Bytes>9</F:Size_In_Bytes>`, "file_name a.exe (together)")
	f("File", `><F:Size_In_Bytes>9</F:Size_In_Bytes>`, "File 9 (no type)")
	f("File", `><F:File_Name>a.exe</F:File_Name>`+hash("MD5", md5), "file_name a.exe (together)", "md5 "+md5)
	f("File", `><F:File_Path>C:\Temp</F:File_Path><F:File_Name>a.exe</F:File_Name>`, `file_path C:\Temp\a.exe`)
	f("File", `><F:File_Path>C:\Temp\A.exe</F:File_Path><F:File_Name>a.exe</F:File_Name>`, `file_path C:\Temp\A.exe`)
	f("File", `><F:File_Name>b</F:File_Name><F:File_Path>/tmp/</F:File_Path>`, "file_path /tmp/b")
	f("File", `><F:File_Name>sh</F:File_Name><F:File_Path>/tmp/bash</F:File_Path>`, "file_path /tmp/bash/sh")
	f("File", `><F:File_Path condition="StartsWith">/tmp</F:File_Path><F:File_Name>b</F:File_Name>`, "file_path /tmp/b (condition)")
	f("File", `><F:File_Path>/tmp/a</F:File_Path>`+hash("MD5", md5), "file_path /tmp/a (together)", "md5 "+md5)
	f("WindowsExecutableFile", `><F:File_Name>a</F:File_Name><O:Sections><O:Section><O:Data_Hashes><cc:Hash><cc:Type>MD5</cc:Type><cc:Simple_Hash_Value>`+md5+`</cc:Simple_Hash_Value></cc:Hash></O:Data_Hashes></O:Section></O:Sections>`,
		"digest of a part "+md5+" (no type)", "file_name a")
	f("ArchiveFile", `>`+hash("MD5", md5)+`<O:Archived_File><F:File_Name>in.exe</F:File_Name></O:Archived_File>`, "md5 "+md5, "file_name in.exe")
	f("File", `><cc:Custom_Properties><cc:Property name="Password">x</cc:Property></cc:Custom_Properties>`+hash("MD5", md5), "Password x (no type)", "md5 "+md5)

	// Messages.
	mail := func(fields string) string { return `><M:Header>` + fields + `</M:Header>` }
	f("EmailMessage", mail(`<M:Subject>Hi</M:Subject>`), "email_subject Hi")
	f("EmailMessage", mail(`<M:From category="e-mail"><A:Address_Value>a@example.com</A:Address_Value></M:From><M:Subject>Hi</M:Subject>`), "email a@example.com", "email_subject Hi (together)")
	f("EmailMessage", mail(`<M:From><A:Address_Value>a@example.com</A:Address_Value></M:From><M:To><M:Recipient><A:Address_Value>v@example.org</A:Address_Value></M:Recipient></M:To>`),
		"email a@example.com", "email v@example.org (benign)")
	f("EmailMessage", mail(`<M:Message_ID>&lt;1@example.com&gt;</M:Message_ID><M:X_Mailer>Bat</M:X_Mailer>`), "text <1@example.com>", "user_agent Bat (together)")
	f("EmailMessage", mail(`<M:X_Originating_IP><A:Address_Value>192.0.2.1</A:Address_Value></M:X_Originating_IP>`), "ip 192.0.2.1")
	f("EmailMessage", mail(`<M:Subject condition="StartsWith">Hi</M:Subject><M:Date>2024-01-01</M:Date>`), "email_subject Hi (condition)")
	f("EmailMessage", mail(`<M:Subject>Hi</M:Subject>`)+`<M:Attachments><M:File object_reference="ex:f"/></M:Attachments>`, "email_subject Hi (together)", "reference ex:f (unresolved)")
	f("EmailMessage", `><M:Raw_Body>Dear Sir</M:Raw_Body>`, "EmailMessage Dear Sir (no type)")

	// The host.
	f("Mutex", ` named="true"><X:Name>Global\x</X:Name>`, `mutex Global\x`)
	key := `<O:Key>Software\x</O:Key><O:Hive>HKEY_LOCAL_MACHINE</O:Hive>`
	f("WindowsRegistryKey", `>`+key+`<O:Values><O:Value><O:Name>run</O:Name><O:Data>c:\x</O:Data></O:Value></O:Values>`,
		`registry_key HKEY_LOCAL_MACHINE\Software\x`, "registry_value run (no type)", `registry_data c:\x (no type)`)
	f("WindowsRegistryKey", `><O:Key>HKLM\Software\x</O:Key>`, `registry_key HKLM\Software\x`)
	f("WindowsRegistryKey", `><O:Hive>HKLM</O:Hive>`, `registry_hive HKLM (no type)`)
	f("WindowsRegistryKey", `>`+key+`<O:Subkeys><O:Subkey><O:Key>y</O:Key></O:Subkey></O:Subkeys>`, `registry_key HKEY_LOCAL_MACHINE\Software\x`, "registry_key y")
	f("Process", `><O:Name>x.exe</O:Name><O:PID>4</O:PID><O:Image_Info><O:Path>/bin/x</O:Path></O:Image_Info>`, "process_name x.exe (no type)", "file_path /bin/x")
	f("UserAccount", `><O:Username>bob</O:Username>`, "UserAccount bob (no type)")
	f("Product", `><O:Product>p</O:Product>`, "Product p (no type)")
	f("", `><O:What>x</O:What>`, "object without a type x (no type)")

	// The net.
	socket := address("IP_Address", "192.0.2.1") + `<O:Port><O:Port_Value>80</O:Port_Value><O:Layer4_Protocol>TCP</O:Layer4_Protocol></O:Port>`
	f("SocketAddress", `>`+socket, "ip 192.0.2.1", "port 80 (together)")
	f("SocketAddress", `><O:Hostname><H:Hostname_Value>a.example</H:Hostname_Value></O:Hostname>`, "domain a.example")
	f("Port", `><O:Port_Value>80</O:Port_Value>`, "port 80 (no type)")
	f("NetworkConnection", `><O:Layer3_Protocol>IPv4</O:Layer3_Protocol><O:Destination_Socket_Address>`+address("IP_Address", "192.0.2.1")+`</O:Destination_Socket_Address>`, "ip 192.0.2.1")
	f("NetworkConnection", `><O:Source_Socket_Address>`+address("IP_Address", "192.0.2.2")+`</O:Source_Socket_Address><O:Destination_Socket_Address>`+address("IP_Address", "192.0.2.1")+`</O:Destination_Socket_Address>`,
		"ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	request := func(line, header string) string {
		return `><O:HTTP_Request_Response><O:HTTP_Client_Request><O:HTTP_Request_Line><O:HTTP_Method>GET</O:HTTP_Method>` + line +
			`</O:HTTP_Request_Line><O:HTTP_Request_Header><O:Parsed_Header>` + header + `</O:Parsed_Header></O:HTTP_Request_Header></O:HTTP_Client_Request></O:HTTP_Request_Response>`
	}
	host := `<O:Host><O:Domain_Name><U:Value>example.com</U:Value></O:Domain_Name></O:Host>`
	f("HTTPSession", request("", `<O:User_Agent>Bad/1</O:User_Agent>`), "user_agent Bad/1")
	f("HTTPSession", request("<O:Value>/gate</O:Value>", `<O:User_Agent>Bad/1</O:User_Agent>`), "user_agent Bad/1 (together)", "http_request_line /gate (no type)")
	f("HTTPSession", request("<O:Value>/gate</O:Value>", ""), "url_path /gate")
	f("HTTPSession", request("<O:Value>/gate</O:Value>", host), "url example.com/gate")
	f("HTTPSession", request("", host), "domain example.com")
	f("HTTPSession", request("", host+`<O:User_Agent>Bad/1</O:User_Agent>`), "domain example.com (together)", "user_agent Bad/1 (together)")
	f("HTTPSession", request("", `<O:User_Agent>Bad/1</O:User_Agent><O:Accept>x</O:Accept>`), "user_agent Bad/1 (together)")
	f("DNSQuery", `><O:Question><O:QName><U:Value>a.example</U:Value></O:QName><O:QType>A</O:QType></O:Question>`, "domain a.example")
	record := `<O:Domain_Name><U:Value>a.example</U:Value></O:Domain_Name>` + address("IP_Address", "192.0.2.1")
	f("DNSRecord", `>`+record, "domain a.example", "ip 192.0.2.1 (together)")
	f("DNSCache", `><O:DNS_Cache_Entry><O:DNS_Entry>`+record+`</O:DNS_Entry></O:DNS_Cache_Entry>`, "domain a.example", "ip 192.0.2.1 (together)")
	f("Whois", `><O:Registrants><O:Registrant><O:Email_Address category="e-mail"><A:Address_Value>a@example.com</A:Address_Value></O:Email_Address></O:Registrant></O:Registrants>`, "email a@example.com (observed)")

	// Certificates.
	cert := `<O:Certificate><O:Serial_Number>00:aa</O:Serial_Number><O:Issuer>CN=x</O:Issuer></O:Certificate>`
	f("X509Certificate", `>`+cert, "certificate_serial 00:aa (together)")
	f("X509Certificate", `><O:Certificate><O:Issuer>CN=x</O:Issuer></O:Certificate>`, "X509Certificate CN=x (no type)")
	f("X509Certificate", `>`+hash("SHA1", sha1), "certificate_fingerprint "+sha1)
	f("X509Certificate", `><O:Certificate_Signature><O:Signature>`+sha1+`</O:Signature></O:Certificate_Signature>`, "certificate_fingerprint "+sha1)
	f("X509Certificate", `><O:Certificate_Signature><O:Signature>`+sha512+sha512+`</O:Signature></O:Certificate_Signature>`, "certificate_signature "+sha512+sha512+" (no type)")
}

func TestCybOXKindIsOfItsNamespace(t *testing.T) {
	f := func(properties string, want ...string) {
		t.Helper()
		doc := xPack(xIn("Indicators", xInd("", xObs("i", "", "<c:Object>"+properties+"</c:Object>"))))
		if d := cmp.Diff(want, xRead(t, doc, Options{})); d != "" {
			t.Errorf("%s\n-want +got:\n%s", properties, d)
		}
	}
	f(`<c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties>`, "ip 192.0.2.1")
	f(`<c:Properties><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties>`, "ip 192.0.2.1")
	f(`<c:Properties xsi:type="z:AddressObjectType" xmlns:z="http://cybox.mitre.org/objects#AddressObject-77"><z:Address_Value xmlns:z="http://cybox.mitre.org/objects#AddressObject-3">192.0.2.1</z:Address_Value></c:Properties>`, "ip 192.0.2.1")
	f(`<c:Properties xsi:type="ex:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties>`, "AddressObjectType of another namespace 192.0.2.1 (no type)")
	f(`<c:Properties xsi:type="none:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties>`, "ip 192.0.2.1")
	f(`<c:Properties xsi:type="c:AddressObjectType"><ex:Address_Value>192.0.2.1</ex:Address_Value></c:Properties>`, "Address 192.0.2.1 (no type)")
}

func TestCybOXConditions(t *testing.T) {
	address := func(attrs, value string, want ...string) {
		t.Helper()
		doc := xPack(xIn("Indicators", xInd("", xObs("i", "", xProps("Address", `><A:Address_Value `+attrs+`>`+value+`</A:Address_Value>`)))))
		slices.Sort(want)
		if d := cmp.Diff(want, xRead(t, doc, Options{})); d != "" {
			t.Errorf("%s %s\n-want +got:\n%s", attrs, value, d)
		}
	}
	address(`condition="Equals"`, "192.0.2.1", "ip 192.0.2.1")
	address(`condition="equals"`, "192.0.2.1", "ip 192.0.2.1")
	for _, c := range []string{"Contains", "StartsWith", "EndsWith", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual", "ExclusiveBetween", "FitsPattern", "BitwiseAnd", "Whatever"} {
		address(`condition="`+c+`"`, "192.0.2.1", "ip 192.0.2.1 (condition)")
	}
	address(`condition="DoesNotEqual"`, "192.0.2.1", "ip 192.0.2.1 (negated)")
	address(`condition="DoesNotContain"`, "192.0.2.1", "ip 192.0.2.1 (negated)")
	address(`pattern_type="Regex"`, "192.0.2.1", "ip 192.0.2.1 (condition)")
	address(`condition="Equals" bit_mask="FF"`, "192.0.2.1", "ip 192.0.2.1 (condition)")

	// Lists.
	address(`condition="Equals" apply_condition="ANY"`, "192.0.2.1##comma##192.0.2.2", "ip 192.0.2.1", "ip 192.0.2.2")
	address(`condition="Equals"`, " 192.0.2.1 ##comma##\n192.0.2.2##comma##", "ip 192.0.2.1", "ip 192.0.2.2")
	address(`apply_condition="ALL"`, "192.0.2.1##comma##192.0.2.2", "ip 192.0.2.1 (together)", "ip 192.0.2.2 (together)")
	address(`apply_condition="ALL"`, "192.0.2.1", "ip 192.0.2.1")
	address(`apply_condition="NONE"`, "192.0.2.1##comma##192.0.2.2", "ip 192.0.2.1 (negated)", "ip 192.0.2.2 (negated)")
	address(`delimiter="|"`, "192.0.2.1|192.0.2.2", "ip 192.0.2.1", "ip 192.0.2.2")
	address(`delimiter="|"`, "192.0.2.1##comma##192.0.2.2", "ip 192.0.2.1", "ip 192.0.2.2")
	address(``, "192.0.2.1,192.0.2.2&amp;comma;192.0.2.3", "ip 192.0.2.1", "ip 192.0.2.2", "ip 192.0.2.3")
	address(``, "192.0.2.1,192.0.2.1", "ip 192.0.2.1")
	address(`condition="Contains"`, "192.##comma##193.", "ip 192. (condition)", "ip 193. (condition)")

	// Ranges.
	address(`condition="InclusiveBetween" apply_condition="ANY"`, "192.0.2.0##comma##192.0.2.255", "cidr 192.0.2.0/24")
	address(`condition="InclusiveBetween"`, "192.0.2.1,192.0.2.4", "ip 192.0.2.1", "cidr 192.0.2.2/31", "ip 192.0.2.4")
	address(`condition="InclusiveBetween"`, "192.0.2.7##comma##192.0.2.7", "ip 192.0.2.7")
	address(`condition="InclusiveBetween"`, "192.0.2[.]0##comma##192.0.2[.]1", "cidr 192.0.2.0/31")
	address(`condition="InclusiveBetween"`, "2001:db8::##comma##2001:db8::f", "cidr 2001:db8::/124")
	address(`condition="InclusiveBetween"`, "::1##comma##ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ip ::1 - ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe (condition)")
	address(`condition="InclusiveBetween"`, "192.0.2.9##comma##192.0.2.1", "ip 192.0.2.9 - 192.0.2.1 (condition)")
	address(`condition="InclusiveBetween"`, "192.0.2.9##comma##2001:db8::", "ip 192.0.2.9 - 2001:db8:: (condition)")
	address(`condition="InclusiveBetween"`, "192.0.2.9", "ip 192.0.2.9 (condition)")
	address(`condition="ExclusiveBetween"`, "192.0.2.0##comma##192.0.2.255", "ip 192.0.2.0 (condition)", "ip 192.0.2.255 (condition)")
	address(``, "192.0.2.0 - 192.0.2.1", "cidr 192.0.2.0/31")

	other := func(kind, fields string, want ...string) {
		t.Helper()
		doc := xPack(xIn("Indicators", xInd("", xObs("i", "", xProps(kind, fields)))))
		if d := cmp.Diff(want, xRead(t, doc, Options{})); d != "" {
			t.Errorf("%s%s\n-want +got:\n%s", kind, fields, d)
		}
	}
	other("EmailMessage", `><M:Header><M:Subject>Hi, Bob</M:Subject></M:Header>`, "email_subject Hi, Bob")
	other("EmailMessage", `><M:Header><M:Subject>Hi##comma##Ho</M:Subject></M:Header>`, "email_subject Hi", "email_subject Ho")
	other("URI", `><U:Value>http://a.example/,http://b.example/</U:Value>`, "url http://a.example/", "url http://b.example/")
	other("Address", ` category="e-mail"><A:Address_Value>"Bob, B" &lt;b@example.com&gt;</A:Address_Value>`, `email "Bob, B" <b@example.com>`)
	other("Address", ` category="e-mail"><A:Address_Value>a@example.com,b@example.com</A:Address_Value>`, "email a@example.com", "email b@example.com")
	other("Mutex", ` ><X:Name is_defanged="true">a[.]b</X:Name>`, "mutex a.b")
	other("Mutex", ` ><X:Name>a[.]b</X:Name>`, "mutex a[.]b")
	other("WindowsRegistryKey", `><O:Key>a##comma##b</O:Key><O:Hive>HKLM</O:Hive>`, `registry_key HKLM\a`, `registry_key HKLM\b`)
	other("WindowsRegistryKey", `><O:Key>a</O:Key><O:Hive condition="StartsWith">HK</O:Hive>`, `registry_key HK\a (condition)`)
}

func TestCybOXRelations(t *testing.T) {
	f := func(kind, relation, related string, want ...string) {
		t.Helper()
		doc := xPack(xIn("Indicators", xInd("", xObs("i", "", `<c:Object><c:Properties xsi:type="O:`+kind+`ObjectType"/><c:Related_Objects><c:Related_Object>`+
			related+`<c:Relationship>`+relation+`</c:Relationship></c:Related_Object></c:Related_Objects></c:Object>`))))
		if d := cmp.Diff(want, xRead(t, doc, Options{})); d != "" {
			t.Errorf("%s %s\n-want +got:\n%s", kind, relation, d)
		}
	}
	address := `<c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.1</A:Address_Value></c:Properties>`
	uri := `<c:Properties xsi:type="U:URIObjectType"><U:Value>http://example.com/</U:Value></c:Properties>`
	for _, r := range []string{"Contains", "Dropped", "Downloaded_From", "Connected_To", "connected to", "Resolved_To", "Created", "Supra-domain_Of"} {
		f("File", r, address, "ip 192.0.2.1")
	}
	for _, r := range []string{"Connected_From", "Sent_To", "Sub-domain_Of", "Read_From", "Child_Of", "Related_To", "", "Unheard_Of"} {
		f("File", r, address, "ip 192.0.2.1 (benign)")
	}
	f("EmailMessage", "Related_To", uri, "url http://example.com/")
	f("EmailMessage", "", uri, "url http://example.com/")
	f("EmailMessage", "Related_To", address, "ip 192.0.2.1 (benign)")
}

// TestCybOXReferences: objects are referred to by e-mails and relations.
func TestCybOXReferences(t *testing.T) {
	f := func(sections string, want ...string) {
		t.Helper()
		if d := cmp.Diff(want, xRead(t, xPack(sections), Options{})); d != "" {
			t.Errorf("%s\n-want +got:\n%s", sections, d)
		}
	}
	file := `<c:Properties xsi:type="F:FileObjectType"><F:File_Name>a.exe</F:File_Name></c:Properties>`
	mail := `<c:Properties xsi:type="M:EmailMessageObjectType"><M:Attachments><M:File object_reference="ex:f"/></M:Attachments></c:Properties>`
	// The file is an attachment, so it is bad, though the relation does not say so.
	f(xIn("Indicators", xInd("", xObs("i", "", `<c:Object>`+mail+`<c:Related_Objects><c:Related_Object id="ex:f">`+file+`</c:Related_Object></c:Related_Objects></c:Object>`))), "file_name a.exe")
	f(xIn("Indicators", xInd("", xObs("i", "", `<c:Object>`+mail+`</c:Object>`)))+xIn("Observables", xObs("c", "", `<c:Object id="ex:f">`+file+`</c:Object>`)), "file_name a.exe")
	// A relation to what stands elsewhere: it is judged there, unless it is bad for it.
	and := xObs("i", "", xComp("AND", xObs("c", "", `<c:Object id="ex:f">`+file+`</c:Object>`), xObs("c", "", xAddr("192.0.2.1"))))
	related := func(relation string) string {
		return xInd("", xObs("i", "", `<c:Object><c:Properties xsi:type="A:AddressObjectType"><A:Address_Value>192.0.2.2</A:Address_Value></c:Properties><c:Related_Objects><c:Related_Object idref="ex:f"><c:Relationship>`+
			relation+`</c:Relationship></c:Related_Object></c:Related_Objects></c:Object>`))
	}
	f(xIn("Indicators", xInd("", and)+related("Related_To")), "file_name a.exe (together)", "ip 192.0.2.1 (together)", "ip 192.0.2.2")
	f(xIn("Indicators", xInd("", and)+related("Dropped")), "file_name a.exe", "ip 192.0.2.1 (together)", "ip 192.0.2.2")
}

// TestCyNetworks compares with adding up: the networks of a range are in order,
// without gap or overlap, from its first to its last address, and no two of
// them that follow each other could be one.
func TestCyNetworks(t *testing.T) {
	f := func(lo, hi string, want int) {
		t.Helper()
		a, b := netip.MustParseAddr(lo), netip.MustParseAddr(hi)
		nets := cyNetworks(a, b)
		if len(nets) != want {
			t.Errorf("%s-%s: %d networks, want %d", lo, hi, len(nets), want)
		}
		next := a
		for i, n := range nets {
			if n.Addr() != next || n.Masked() != n {
				t.Errorf("%s-%s: %v where %v should begin", lo, hi, n, next)
			}
			if i > 0 && nets[i-1].Bits() == n.Bits() && netip.PrefixFrom(nets[i-1].Addr(), n.Bits()-1).Masked().Addr() == nets[i-1].Addr() {
				t.Errorf("%s-%s: %v and %v are one", lo, hi, nets[i-1], n)
			}
			next = cyLast(n).Next()
		}
		if len(nets) > 0 && cyLast(nets[len(nets)-1]) != b {
			t.Errorf("%s-%s: ends at %v", lo, hi, nets[len(nets)-1])
		}
	}
	f("192.0.2.0", "192.0.2.255", 1)
	f("192.0.2.0", "192.0.2.254", 8)
	f("192.0.2.1", "192.0.2.254", 14)
	f("0.0.0.0", "255.255.255.255", 1)
	f("0.0.0.1", "255.255.255.254", 62)
	f("255.255.255.255", "255.255.255.255", 1)
	f("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1)
	f("::1", "::ffff:ffff:ffff", 48)
	f("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0)
	f("192.0.2.2", "192.0.2.1", 0)
}
