package term

import (
	"bytes"
	"os"
	"testing"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := EscapeString(in); got != want {
			t.Errorf("EscapeString(%q) = %q, want %q", in, got, want)
		}
		if got := string(Escape([]byte("> "), []byte(in))); got != "> "+want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, "> "+want)
		}
	}
	f("", "")
	f("plain ~", "plain ~")
	f("Grüße, 日本語, \U0001f600", "Grüße, 日本語, \U0001f600")
	f("a\tb", "a b")
	f("a\r\nb", `a\r\nb`)
	f("\x00\x07\x1b[31mred\x1b[0m\x7f", `\x00\x07\x1b[31mred\x1b[0m\x7f`)
	f("\x1b]52;c;aGk=\x07", `\x1b]52;c;aGk=\x07`)
	f("\u009b31m C1", `\u009b31m C1`) // CSI in UTF-8
	f("\x9b31m C1", `\x9b31m C1`)     // and as a raw byte
	f("\u202egpj.exe", `\u202egpj.exe`)
	f("\u2066x\u2069", `\u2066x\u2069`)
	f("a\u200bb\u200e\u200f", `a\u200bb\u200e\u200f`)
	f("\ufeffbom\u2028\u2029", `\ufeffbom\u2028\u2029`)
	f("\u061c\u2060\u00ad", `\u061c\u2060\u00ad`)
	f("\U000e0041", `\U000e0041`)
	f("a\u3164b", `a\u3164b`)
	f("\xff\xc3", `\xff\xc3`)
	f("\xed\xa0\x80", `\xed\xa0\x80`) // a surrogate is not UTF-8
	f("\ufffd", "\ufffd")
	f(`a literal \x1b`, `a literal \x1b`)
}

func TestColours(t *testing.T) {
	f := func(mode string, terminal bool, env map[string]string, want bool) {
		t.Helper()
		if got := colours(mode, terminal, func(k string) string { return env[k] }); got != want {
			t.Errorf("colours(%q, %v, %v) = %v", mode, terminal, env, got)
		}
	}
	type env = map[string]string
	f("auto", true, nil, true)
	f("", true, nil, true)
	f("auto", false, nil, false)
	f("auto", true, env{"NO_COLOR": "1"}, false)
	f("auto", true, env{"NO_COLOR": ""}, true)
	f("auto", true, env{"TERM": "dumb"}, false)
	f("auto", true, env{"CLICOLOR": "0"}, false)
	f("auto", false, env{"CLICOLOR_FORCE": "1"}, true)
	f("auto", false, env{"CLICOLOR_FORCE": "0"}, false)
	f("auto", false, env{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false)
	f("always", false, env{"NO_COLOR": "1", "TERM": "dumb"}, true)
	f("never", true, env{"CLICOLOR_FORCE": "1"}, false)
	if Colours("auto", nil, func(string) string { return "" }) {
		t.Error("colour for no file")
	}
}

func TestNoTerminal(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) || Width(f) != 0 || IsTerminal(nil) || Width(nil) != 0 {
		t.Error("the null device is a terminal")
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte("\x1b]8;;http://x\x1b\\y\u202e\xff\x9b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := Escape(nil, in)
		if !utf8.Valid(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		for _, r := range string(out) {
			if Hidden(r) || r < 0x20 || r == 0x7f {
				t.Fatalf("%q from %q holds %U", out, in, r)
			}
		}
		if !bytes.Equal(Escape(nil, out), out) || EscapeString(string(in)) != string(out) {
			t.Fatalf("%q is not stable", out)
		}
	})
}

func BenchmarkEscape(b *testing.B) {
	line := bytes.Repeat([]byte("Nov 21 02:04:11 web1 sshd[2212]: Grüße \x1b[0m"), 10)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = Escape(dst[:0], line)
	}
}
