package stix

import "strings"

// cyRelations says of which relations (cyboxVocabs:ObjectRelationshipVocab-1.1)
// the other end is as bad as the object that names it, read "object RELATION
// other". A relation that is not here leaves the other end Benign: programs open
// system files, read the victim's documents and run below Explorer.
var cyRelations = func() map[string]bool {
	m := map[string]bool{}
	for _, group := range []string{
		// What it carries, or is carried in: an attachment, the archive around it.
		"Contains Contained_Within Previously_Contained",
		// What it brings onto a machine, and what brought it.
		"Created Created_By Dropped Dropped_By Installed Installed_By Downloaded Downloaded_By Downloaded_From Injected_As Extracted_From",
		// The same content in another shape.
		"Copied_To Copied_From Moved_To Moved_From Renamed_To Renamed_From Packed Packed_From Packed_Into Unpacked Unpacked_From Unpacked_To" +
			" Encoded Encoded_From Decoded Decoded_From Decoded_To Decrypted Decrypted_From Decrypted_To Encrypted_From" +
			" Compressed_From Compressed_Into Decompressed Decompressed_From",
		// Whom it speaks to: command and control, the drop for what is stolen.
		"Connected_To Uploaded_To Received_From Resolved_To Redirects_To Sent_By",
		// Names below a bad name are its owner's; the name above may be a provider's.
		"Supra-domain_Of Root_Domain_Of FQDN_Of",
		// What it is told by.
		"Characterized_By Characterizes",
	} {
		for r := range strings.FieldsSeq(group) {
			m[strings.ToLower(r)] = true
		}
	}
	return m
}()

// cyRelated returns what an object is reached with that is related so to one of
// that kind. Parts of a message are often said to be just "related".
func cyRelated(relation, kind string, other xEl) xVerdict {
	r := strings.ToLower(strings.ReplaceAll(relation, " ", "_"))
	if cyRelations[r] {
		return xAlone
	}
	if kind == "EmailMessage" && (r == "related_to" || r == "") {
		switch of := cyKindOf(other.child("Properties")); {
		case cyTable[of] == nil:
		case of == "URI", of == "Link", of == "Artifact", strings.HasSuffix(of, "File"):
			return xAlone
		}
	}
	return xBenign
}
