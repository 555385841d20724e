package stix

import (
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// The tables of CybOX 2.1's objects: what of each kind is a value. A field that
// is not in them narrows what is meant and is no value. A kind that is not in
// them gives one refusal with its name.

// cyAddr is an address with its category in the element around it, cyLocator a
// URI or a name with its type there, cyWithin an object of its own.
func cyAddr(path string, typ ioc.Type, role cyRole, declared string) cyField {
	return cyField{path + "/Address_Value", typ, role, declared, cyAddress}
}

func cyLocator(path string, typ ioc.Type, role cyRole, declared string) cyField {
	return cyField{path + "/Value", typ, role, declared, cyURI}
}

func cyHashes(of ioc.Type) cyField { return cyField{"Hashes/Hash", of, cyAlone, "", cyPlain} }

func cyWithin(path, kind string) cyField { return cyField{path, "", cyNone, kind, cyNest} }

func cyText(path string, typ ioc.Type, role cyRole, declared string) cyField {
	return cyField{path, typ, role, declared, cyPlain}
}

// cyAsides are fields that say nothing of which thing is meant, each a path.
func cyAsides(paths ...string) (out []cyField) {
	for _, p := range paths {
		out = append(out, cyField{p, "", cyDescribes, "", cyPlain})
	}
	return out
}

// cyFile: the name and the path are of one file in one place. The extension is
// a part of the name, says the schema; device and format say where and what.
var cyFile = slices.Concat([]cyField{
	cyHashes(""),
	{"File_Name", ioc.FileName, cySole, "", cyName},
	{"File_Path", ioc.FilePath, cySole, "", cyPath},
	{"Full_Path", ioc.FilePath, cySole, "", cyPath},
	cyWithin("Archived_File", "File"),
}, cyAsides("File_Extension", "File_Format", "Magic_Number", "Device_Path"))

// cyMail: who sends a message and its id are enough; the subject of a message
// that is told by them is not. Those who got it are not to be hunted.
var cyMail = slices.Concat([]cyField{
	cyAddr("Header/From", ioc.Email, cyAlone, "From"),
	cyAddr("Header/Sender", ioc.Email, cyAlone, "Sender"),
	cyAddr("Header/Reply_To", ioc.Email, cyAlone, "Reply_To"),
	cyText("Header/Message_ID", ioc.Text, cyAlone, "Message_ID"),
	cyText("Header/Subject", ioc.EmailSubject, cySole, ""),
	cyAddr("Header/X_Originating_IP", ioc.IP, cySole, "X_Originating_IP"),
	cyText("Header/X_Mailer", ioc.UserAgent, cySole, "X_Mailer"),
	cyText("Header/User_Agent", ioc.UserAgent, cySole, ""),
	cyAddr("Header/To/Recipient", ioc.Email, cyGood, "To"),
	cyAddr("Header/CC/Recipient", ioc.Email, cyGood, "CC"),
	cyAddr("Header/BCC/Recipient", ioc.Email, cyGood, "BCC"),
	cyText("Header/Errors_To", ioc.Email, cyAlone, "Errors_To"),
	cyText("Header/In_Reply_To", ioc.Text, cyGood, "In_Reply_To"),
}, cyAsides("Header/Date", "Header/Content_Type", "Header/MIME_Version", "Header/Precedence", "Header/X_Priority"))

// cySocket: the address and the name are taken, as a log seldom has the port
// beside them. The port itself holds with them only.
var cySocket = slices.Concat([]cyField{
	cyAddr("IP_Address", "", cyAlone, ""),
	cyText("Hostname/Hostname_Value", ioc.Domain, cyAlone, "hostname"),
	cyText("Port/Port_Value", "port", cyPart, ""),
}, cyAsides("Port/Layer4_Protocol", "Hostname/Naming_System"))

// cyConnection: the two ends hold together; one end alone is the far one.
func cyConnection(ends ...string) (out []cyField) {
	for _, e := range ends {
		for _, f := range cySocket {
			if f.path = e + "/" + f.path; f.role == cyAlone {
				f.role = cySole
			}
			out = append(out, f)
		}
	}
	return append(out, cyAsides("Layer3_Protocol", "Layer4_Protocol", "Layer7_Protocol", "Protocol", "Address_Family", "Domain", "Type",
		"Source_TCP_State", "Destination_TCP_State")...)
}

const cyHeader = "HTTP_Client_Request/HTTP_Request_Header/Parsed_Header/"

// cyRequest is one request of a session, with its answer.
var cyRequest = slices.Concat([]cyField{
	cyText(cyHeader+"User_Agent", ioc.UserAgent, cySole, ""),
	{cyHeader + "Host/Domain_Name/Value", ioc.Domain, cySole, "Host", cyHost},
	cyLocator(cyHeader+"Referer", ioc.URL, cySole, "Referer"),
	{"HTTP_Client_Request/HTTP_Request_Line/Value", ioc.URLPath, cySole, "", cyLine},
}, cyAsides("HTTP_Client_Request/HTTP_Request_Line/HTTP_Method", "HTTP_Client_Request/HTTP_Request_Line/Version"))

// cyRecord is a record of the DNS. The name is enough; many names share the
// address.
var cyRecord = slices.Concat([]cyField{
	cyLocator("Domain_Name", ioc.Domain, cyAlone, ""),
	cyLocator("Record_Name", ioc.Domain, cyAlone, ""),
	cyAddr("IP_Address", "", cySole, ""),
}, cyAsides("Description", "Queried_Date", "Address_Class", "Entry_Type", "Record_Type", "TTL", "Flags", "Data_Length", "Record_Data"))

var cyProcess = slices.Concat([]cyField{
	cyText("Image_Info/File_Name", ioc.FileName, cySole, ""),
	cyText("Image_Info/Path", ioc.FilePath, cySole, ""),
	cyText("Name", "process_name", cyNone, ""),
	cyText("Image_Info/Command_Line", "command_line", cyNone, ""),
	cyWithin("Network_Connection_List/Network_Connection", "NetworkConnection"),
}, cyAsides("PID", "Parent_PID", "Creation_Time"))

// cyCertificate: a serial number is unique to its issuer only. CybOX has no
// place for a certificate's digest but the signature, which producers use so.
var cyCertificate = slices.Concat([]cyField{
	cyText("Certificate/Serial_Number", "certificate_serial", cyPart, ""),
	{"Certificate_Signature/Signature", ioc.CertHash, cyAlone, "", cySignature},
	cyHashes(ioc.CertHash),
}, cyAsides("Certificate/Issuer", "Certificate/Subject", "Certificate/Version", "Certificate/Signature_Algorithm", "Certificate_Signature/Signature_Algorithm"))

var cyTable = map[string][]cyField{
	"Address":    {{"Address_Value", "", cyAlone, "", cyAddress}},
	"DomainName": {{"Value", ioc.Domain, cyAlone, "", cyURI}},
	"Hostname":   slices.Concat([]cyField{cyText("Hostname_Value", ioc.Domain, cyAlone, "hostname")}, cyAsides("Naming_System")),
	"URI":        {{"Value", ioc.URL, cyAlone, "", cyURI}},
	"Link":       slices.Concat([]cyField{{"Value", ioc.URL, cyAlone, "", cyURI}}, cyAsides("URL_Label")),

	"File": cyFile, "WindowsFile": cyFile, "WindowsExecutableFile": cyFile, "WindowsDriver": cyFile, "UnixFile": cyFile,
	"PDFFile": cyFile, "ArchiveFile": cyFile, "ImageFile": cyFile,
	"Artifact": {cyHashes("")},
	"Library": {
		{"Name", ioc.FileName, cySole, "", cyName}, {"Path", ioc.FilePath, cySole, "", cyPath},
	},

	"EmailMessage": cyMail,
	"Mutex":        slices.Concat([]cyField{cyText("Name", ioc.Mutex, cyAlone, "")}, cyAsides("Security_Attributes")),
	"WindowsMutex": slices.Concat([]cyField{cyText("Name", ioc.Mutex, cyAlone, "")}, cyAsides("Security_Attributes")),
	"WindowsRegistryKey": {
		{"Key", ioc.RegistryKey, cyAlone, "", cyKey}, {"Hive", "registry_hive", cyNone, "", cyHive},
		cyText("Values/Value/Name", "registry_value", cyNone, ""), cyText("Values/Value/Data", "registry_data", cyNone, ""),
		cyWithin("Subkeys/Subkey", "WindowsRegistryKey"),
	},

	"SocketAddress":     cySocket,
	"Port":              {cyText("Port_Value", "port", cyNone, "")},
	"NetworkConnection": slices.Concat(cyConnection("Source_Socket_Address", "Destination_Socket_Address"), []cyField{cyWithin("Layer7_Connections/HTTP_Session", "HTTPSession"), cyWithin("Layer7_Connections/DNS_Query", "DNSQuery")}),
	"NetworkSocket":     cyConnection("Local_Address", "Remote_Address"),
	"NetworkFlow":       cyConnection("Network_Flow_Label/Src_Socket_Address", "Network_Flow_Label/Dest_Socket_Address"),
	"HTTPSession":       {cyWithin("HTTP_Request_Response", "request")},
	"request":           cyRequest,
	"DNSRecord":         cyRecord,
	"DNSCache":          {cyWithin("DNS_Cache_Entry/DNS_Entry", "DNSRecord")},
	"DNSQuery": slices.Concat([]cyField{
		cyLocator("Question/QName", ioc.Domain, cyAlone, ""),
		cyWithin("Answer_Resource_Records/Resource_Record", "DNSRecord"),
		cyWithin("Authority_Resource_Records/Resource_Record", "DNSRecord"),
		cyWithin("Additional_Records/Resource_Record", "DNSRecord"),
	}, cyAsides("Question/QType", "Question/QClass", "Transaction_ID", "Service_Used", "Date_Ran")),

	"X509Certificate": cyCertificate,
	"Whois": {
		cyLocator("Domain_Name", ioc.Domain, cySeen, ""),
		cyLocator("Server_Name", ioc.Domain, cySeen, ""),
		cyAddr("IP_Address", "", cySeen, ""),
		cyLocator("Nameservers/Nameserver", ioc.Domain, cySeen, ""),
		cyAddr("Contact_Info/Email_Address", ioc.Email, cySeen, ""),
		cyAddr("Registrants/Registrant/Email_Address", ioc.Email, cySeen, ""),
		cyAddr("Registrar_Info/Email_Address", ioc.Email, cySeen, ""),
	},
	"Process": cyProcess, "WindowsProcess": cyProcess, "UnixProcess": cyProcess,
	"URLHistory": {cyWithin("URL_History_Entry", "visited")},
	"visited":    {cyLocator("URL", ioc.URL, cySeen, ""), cyLocator("Referrer_URL", ioc.URL, cySeen, ""), cyText("Hostname/Hostname_Value", ioc.Domain, cySeen, "hostname")},
}

// cyKinds is the table as trees.
var cyKinds = func() map[string]*cyKind {
	m := make(map[string]*cyKind, len(cyTable))
	for name, fields := range cyTable {
		top := &cyKind{}
		for i := range fields {
			top.put(strings.Split(fields[i].path, "/"), &fields[i])
		}
		m[name] = top
	}
	return m
}()

func (k *cyKind) put(path []string, f *cyField) {
	if len(path) == 0 {
		k.field = f
		return
	}
	if k.kids == nil {
		k.kids = make(map[string]*cyKind)
	}
	next := k.kids[path[0]]
	if next == nil {
		next = &cyKind{}
		k.kids[path[0]] = next
	}
	next.put(path[1:], f)
}
