package files

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

const said = "Nov 21 02:04:11 host sshd[4711]: Failed password for root from 192.0.2.17 port 4711 ssh2\n" +
	"Nov 21 02:04:12 host sshd[4711]: Connection closed by 192.0.2.17 port 4711\n"

// bzip2Said is said as bzip2 -9 packs it: there is no writer in Go.
const bzip2Said = "QlpoOTFBWSZTWW6Sk5EAACtfgAAQQAF0sAkBAAo/Z92gIACQMaYjCNMAAAJUxNKepk2UZMg0PJIuhx6uXMjb4jTm1CzOOFChQwJO" +
	"ITZII45E3TsRIkxDUUczBDYxGJGhUka2c3M0qaXtIWCG+1v1yaYx+rfiplQncpBTkqwrBYVYbAVSii8fxdyRThQkG6Sk5EA="

func pack(t testing.TB, open func(io.Writer) (io.WriteCloser, error), text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// packed returns text in each way of compression.
func packed(t testing.TB, text string) map[string]string {
	t.Helper()
	all := map[string]string{
		"gzip": pack(t, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }, text),
		"zstd": pack(t, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }, text),
		"lz4": pack(t, func(w io.Writer) (io.WriteCloser, error) {
			z := lz4.NewWriter(w)
			return z, z.Apply(lz4.BlockSizeOption(lz4.Block64Kb))
		}, text),
		"lz4 legacy": pack(t, func(w io.Writer) (io.WriteCloser, error) {
			z := lz4.NewWriter(w)
			return z, z.Apply(lz4.LegacyOption(true))
		}, text),
		"xz": pack(t, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }, text),
		"xz sha256": pack(t, func(w io.Writer) (io.WriteCloser, error) {
			return xz.WriterConfig{CheckSum: xz.SHA256, BlockSize: max(64, int64(len(text))/4)}.NewWriter(w)
		}, text),
		"xz crc32":    pack(t, func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{CheckSum: xz.CRC32}.NewWriter(w) }, text),
		"xz no check": pack(t, func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{NoCheckSum: true}.NewWriter(w) }, text),
	}
	if text == said {
		b, err := base64.StdEncoding.DecodeString(bzip2Said)
		if err != nil {
			t.Fatal(err)
		}
		all["bzip2"] = string(b)
	}
	return all
}

func notes(l any) []string { return l.(interface{ Notes() []string }).Notes() }

func TestDecompression(t *testing.T) {
	all := packed(t, said)
	for name, p := range all {
		f := func(what, data, want string, noted int) {
			t.Helper()
			log := stdin(data, Options{})
			got, err := content(t, log)
			if got != want || err != nil || len(notes(log)) != noted {
				t.Errorf("%s, %s: %q, %v, notes %q; want %q", name, what, got, err, notes(log), want)
			}
		}
		skippable := "\x5A\x2A\x4D\x18\x03\x00\x00\x00abc"
		f("one", p, said, 0)
		f("two members", p+p, said+said, 0)
		f("zeros behind", p+strings.Repeat("\x00", 512), said, 0)
		f("member, zeros, member", p+"\x00\x00\x00\x00"+p, said+said, 0)
		if name == "lz4 legacy" {
			continue // has no end mark: what follows is taken for its next block
		}
		f("another kind behind", p+all["gzip"]+all["xz"]+p, said+said+said+said, 0)
		f("skippable frames", skippable+p+skippable+skippable, said, 0)
		f("text behind", p+"from 198.51.100.7\n", said+"from 198.51.100.7\n", 1)
		f("zeros and text behind", p+"\x00\x00\x00\x00more text\n", said+"more text\n", 1)
	}
	f := func(data, want string) {
		t.Helper()
		if got, err := content(t, stdin(data, Options{})); got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	f(all["gzip"][:0], "")
	f("BZh is how a bzip2 file begins\n", "BZh is how a bzip2 file begins\n")
	for _, p := range packed(t, "") {
		f(p, "")
	}
	for _, p := range packed(t, "\xFF\xFEh\x00i\x00") {
		f(p, "hi")
	}
	for _, p := range packed(t, all["xz"]) {
		f(p, said) // twice
	}
}

func TestNoDecompress(t *testing.T) {
	p := packed(t, said)["gzip"]
	if got, err := content(t, stdin(p, Options{NoDecompress: true})); got != p || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCutAtEachByte(t *testing.T) {
	for name, p := range packed(t, said) {
		for n := range len(p) {
			got, err := content(t, stdin(p[:n], Options{}))
			if n < longestMagic {
				continue // what it was cannot be told
			}
			if name == "lz4 legacy" && got == "" && err == nil {
				continue // cut where a block may end
			}
			if !strings.HasPrefix(said, got) || err == nil {
				t.Errorf("%s cut at %d of %d: %q, %v", name, n, len(p), got, err)
			}
		}
		// What a second member has lost does not harm the first.
		got, err := content(t, stdin(p+p[:len(p)-1], Options{}))
		if name != "lz4 legacy" && (!strings.HasPrefix(got, said) || err == nil) {
			t.Errorf("%s, second member cut: %q, %v", name, got, err)
		}
	}
}

func TestCutShowsWhatCameBefore(t *testing.T) {
	line := said
	text := strings.Repeat(line, 20000)
	for name, p := range packed(t, text) {
		if name == "lz4 legacy" {
			continue // one block is 8 MiB
		}
		got, err := content(t, stdin(p[:len(p)*9/10], Options{}))
		if err == nil || len(got) < len(text)/2 || !strings.HasPrefix(text, got) {
			t.Errorf("%s: %d of %d bytes before the damage, %v", name, len(got), len(text), err)
		}
	}
}

func TestFlippedBytes(t *testing.T) {
	for name, p := range packed(t, said) {
		for i := range len(p) {
			b := []byte(p)
			b[i] ^= 1 << (i % 8)
			got, err := content(t, stdin(string(b), Options{}))
			// zstd, lz4 and xz without a checksum cannot see every fault; magic
			// that is hit makes it another kind of file.
			if err == nil && strings.HasPrefix(name, "xz") && name != "xz no check" && i >= longestMagic && got != said {
				t.Errorf("%s, byte %d: %q and no error", name, i, got)
			}
		}
	}
}

func TestBomb(t *testing.T) {
	zeros := strings.Repeat("\x00", 8<<20)
	for name, p := range packed(t, zeros) {
		f := func(limit int64, fits bool) {
			t.Helper()
			got, err := content(t, stdin(p, Options{MaxDecompressed: limit}))
			if fits != (err == nil) || int64(len(got)) > limit {
				t.Errorf("%s, limit %d: %d bytes, %v", name, limit, len(got), err)
			}
			if err != nil && !strings.Contains(err.Error(), "--max-decompressed") {
				t.Errorf("%s: %v does not name the flag", name, err)
			}
		}
		f(8<<20, true)
		f(8<<20-1, false)
		f(1, false)
	}
	line := strings.Repeat("text\n", 1000)
	got, err := content(t, stdin(packed(t, line)["gzip"], Options{MaxDecompressed: 2002}))
	if want := line[:2000]; got != want || err == nil {
		t.Errorf("%d bytes before the limit, %v; want %d", len(got), err, len(want))
	}
}

func TestNestedTooOften(t *testing.T) {
	p := said
	for range maxNests + 1 {
		p = packed(t, p)["gzip"]
	}
	if _, err := content(t, stdin(p, Options{})); err == nil {
		t.Error("no error")
	}
}

// xzHead returns the beginning of an xz file whose block asks for a dictionary.
func xzHead(filter, dict byte) string {
	flags := []byte{0, 4}
	b := append([]byte(xzMagic), flags...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(flags))
	block := []byte{2, 0, filter, 1, dict, 0, 0, 0}
	b = append(b, block...)
	return string(binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(block)))
}

func TestXZRefusals(t *testing.T) {
	f := func(filter, dict byte, refused bool) {
		t.Helper()
		_, err := content(t, stdin(xzHead(filter, dict), Options{}))
		if err == nil || errors.Is(err, errRefused) != refused {
			t.Errorf("filter %d, dictionary %d: %v", filter, dict, err)
		}
	}
	f(xzLZMA2, 28, false) // 64 MiB: xz -9
	f(xzLZMA2, 29, true)  // 96 MiB
	f(xzLZMA2, 40, true)  // 4 GiB
	f(xzLZMA2, 41, false) // no such size: damaged
	f(4, 0, true)         // x86
}

func TestZstdWindow(t *testing.T) {
	f := func(log byte, refused bool) {
		t.Helper()
		frame := "\x28\xB5\x2F\xFD\x00" + string([]byte{(log - 10) << 3}) + "\x19\x00\x00abc"
		got, err := content(t, stdin(frame, Options{}))
		if errors.Is(err, errRefused) != refused || !refused && (got != "abc" || err != nil) {
			t.Errorf("window of 2^%d: %q, %v", log, got, err)
		}
	}
	f(20, false)
	f(27, false) // zstd --long
	f(28, true)
	f(41, true)
}

func TestHides(t *testing.T) {
	f := func(head, want string) {
		t.Helper()
		text := head + "\nfrom 192.0.2.17\n"
		got, err := content(t, stdin(text, Options{}))
		if got != text || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", head, got, err, want)
		}
		if got, err := content(t, stdin(text, Options{NoDecompress: true})); got != text || err != nil {
			t.Errorf("%q as it is: %q, %v", head, got, err)
		}
	}
	f("PK\x03\x04", "zip")
	f(strings.Repeat("n", 257)+"ustar\x0000", "tar")
	f(strings.Repeat("n", 257)+"ustar  \x00", "tar")
	f("7z\xBC\xAF\x27\x1C", "7z")
	f("LPKSHHRH\x00\x00\x00\x00\x08\x00\x00\x00", "journalctl")
	f("\x5D\x00\x00\x80\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "lzma")
	f("\x0A\x0D\x0D\x0A\x1C\x00\x00\x00\x4D\x3C\x2B\x1A", "tcpdump")
	g := func(text string) {
		t.Helper()
		if got, err := content(t, stdin(text, Options{})); got != text || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	g("LPKSHHRH\x00\x00\x00\x00\x04\x00\x00\x00 nothing is compressed")
	g("PKI certificate expired\n")
	g("\n\r\r\n")
	p := packed(t, strings.Repeat("n", 257)+"ustar\x0000")["gzip"]
	if _, err := content(t, stdin(p, Options{})); err == nil {
		t.Error("tar.gz: no error")
	}
	if _, err := content(t, stdin("\xFF\xFE\x00\x00h\x00\x00\x00", Options{})); err == nil {
		t.Error("UTF-32: no error")
	}
}

func FuzzRead(f *testing.F) {
	for _, p := range packed(f, said) {
		f.Add([]byte(p), 64)
		f.Add([]byte(p+p+"x"), 7)
	}
	f.Add([]byte(xzHead(xzLZMA2, 28)), 16)
	f.Add([]byte("\xFF\xFEa\x00\n\x00"), 4)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 4 || size > 1<<16 {
			return
		}
		opts := Options{MaxDecompressed: 1 << 20, buffer: size, overlap: size / 2}
		small, errSmall := content(t, stdin(string(data), opts))
		opts.buffer = 0
		large, errLarge := content(t, stdin(string(data), opts))
		if (errSmall == nil) != (errLarge == nil) || errLarge == nil && small != large {
			t.Errorf("buffer %d: %q, %v; else %q, %v", size, small, errSmall, large, errLarge)
		}
	})
}

func BenchmarkDecompress(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for text.Len() < 4<<20 {
		n := r.IntN(len(said) / 2)
		text.WriteString(said[n:])
	}
	for name, p := range packed(b, text.String()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range stdin(p, Options{}).Chunks(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
