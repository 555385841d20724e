// Package taxii1 asks servers of TAXII 1.1 and 1.0 (Trusted Automated eXchange
// of Indicator Information, MITRE 2013/2014) what they offer and for what they
// hold.
//
// A server has named collections (1.0: feeds) of content blocks, each block
// usually one STIX package. Four services answer questions about them:
// discovery says where the services are, collection management lists the
// collections, poll hands out their content and inbox takes some. Every
// question is one XML document that is POSTed to the service's address, every
// answer is one XML document, and trouble is told in a Status_Message, mostly
// with HTTP status 200. That is why the HTTP status proves nothing and why an
// answer counts only when its header X-TAXII-Content-Type says that it is a
// TAXII message: a proxy's login page is well-formed, too.
//
// What a poll must get right, and how this package does it:
//
//   - Nothing half. An answer is spooled and read to its end before the first
//     of its blocks is handed out. An answer that is cut gives an error and no
//     block, at whatever byte it is cut.
//   - Nothing lost to one bad block. A block whose content is not well-formed,
//     nests too deep or declares a document type is handed out as it is, with
//     Block.Bad saying why, and reading goes on behind it.
//   - Parts. A big result comes in parts that are asked for one after the other
//     (Poll_Fulfillment) while the server says that there is more. Part numbers
//     must rise and parts must differ, so that no server keeps us for ever; a
//     part that cannot be had makes the poll incomplete (ErrIncomplete), so that
//     the caller does not move on past it. TAXII 1.0 has no parts, and a server
//     that sends a limited number of blocks does not say so: there we ask on by
//     the time labels until nothing new comes.
//   - Time. A time label must have a zone and at most six digits of a second
//     (schema type TimestampLabelType). Begin is rounded down and end up, so that
//     rounding never loses a block.
//   - Size. The spool is bounded, blocks are handed out one at a time, and what
//     is kept in memory does not grow with their number.
//
// Names of elements are matched by namespace, never by prefix, and the messages
// of both versions are understood whichever was asked for: servers mix them.
// An answer's in_response_to should name the question. Many servers send "0" or
// an old number, and the connection already says which question is answered, so
// that a wrong one is noted (Result.Notes), not refused.
//
// Specifications: TAXII Services 1.1, XML Message Binding 1.1, HTTP Protocol
// Binding 1.0; TAXII XML Message Binding 1.0. Section numbers in comments are
// those of the 1.1 documents.
package taxii1
