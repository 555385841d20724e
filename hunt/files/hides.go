package files

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// disguise is a file format in which a value does not stand as its text.
type disguise struct {
	at     int
	magic  string
	advice string
}

// The formats that are met among logs. They are searched as they are, which
// finds what happens to stand there as text, and reported as incomplete, as
// what is not found may still be in them.
var disguises = []disguise{
	{0, "PK\x03\x04", "zip archive: not unpacked; scan what unzip makes of it"},
	{0, "PK\x05\x06", "zip archive: not unpacked; scan what unzip makes of it"},
	{0, "PK\x07\x08", "zip archive: not unpacked; scan what unzip makes of it"},
	{257, "ustar\x00", tarred},
	{257, "ustar  ", tarred},
	{0, "7z\xBC\xAF\x27\x1C", "7z archive: not unpacked; scan what 7z x makes of it"},
	{0, "Rar!\x1A\x07", "rar archive: not unpacked; scan what unrar x makes of it"},
	{0, "\x1F\x9D", "compress(1) data: not unpacked; use zcat FILE | iochunt scan"},
	{0, "LZIP", "lzip data: not unpacked; use lzip -dc FILE | iochunt scan"},
	{0, "\xFF\x06\x00\x00sNaPpY", "snappy data: not unpacked"},
	{0, "PAR1", "parquet file: its columns are not unpacked"},
	{0, "\xD4\xC3\xB2\xA1", capture},
	{0, "\xA1\xB2\xC3\xD4", capture},
	{0, "\x4D\x3C\xB2\xA1", capture},
	{8, "\x4D\x3C\x2B\x1A", capture}, // pcapng, after its block type and length
	{8, "\x1A\x2B\x3C\x4D", capture},
}

const (
	tarred  = "tar archive: searched as one file; members that are compressed themselves were not unpacked: scan what tar -x makes of it"
	capture = "packet capture: addresses in it are not text; use tcpdump -nn -r FILE | iochunt scan"
)

// hides returns an error if a file that begins with head may hold what a search
// of its bytes does not find.
func hides(head []byte) error {
	for _, d := range disguises {
		if len(head) > d.at && bytes.HasPrefix(head[d.at:], []byte(d.magic)) {
			return errors.New(d.advice)
		}
	}
	if packedJournal(head) {
		return errors.New("systemd journal with compressed entries: these were not unpacked; use journalctl --all -o json --file FILE | iochunt scan")
	}
	if legacyLZMA(head) {
		return errors.New("lzma data: not unpacked; use xz -dc FILE | iochunt scan")
	}
	return nil
}

// packedJournal tells a journal file whose header allows compressed objects:
// bits 0, 1 and 3 of the incompatible flags are XZ, LZ4 and ZSTD
// (systemd, JOURNAL_FILE_FORMAT, "Header").
func packedJournal(head []byte) bool {
	return len(head) >= 16 && bytes.HasPrefix(head, []byte("LPKSHHRH")) &&
		binary.LittleEndian.Uint32(head[12:])&(1|2|8) != 0
}

// legacyLZMA tells the .lzma format as xz and lzma write it: default
// properties, and the length left open. It has no magic.
func legacyLZMA(head []byte) bool {
	return len(head) >= 13 && head[0] == 0x5D && head[1] == 0 && head[2] == 0 &&
		binary.LittleEndian.Uint64(head[5:]) == 1<<64-1
}
