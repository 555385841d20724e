package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// freeTexts makes n distinct observables of free text, as feeds have them.
func freeTexts(n int) []ioc.Observable {
	r := rand.New(rand.NewPCG(7, 8))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	name := func(i int) string {
		return fmt.Sprintf("%s%s%d%s", word(r), pick("", "_", "-", "."), i, pick(".exe", ".dll", ".js", ".vbs", ".docx", ".tmp", ".ps1"))
	}
	os := make([]ioc.Observable, 0, n)
	for i := range n {
		var o ioc.Observable
		switch r.IntN(8) {
		case 0, 1:
			o = ioc.Observable{Type: ioc.FileName, Value: name(i)}
		case 2, 3:
			o = ioc.Observable{Type: ioc.FilePath, Value: pick(`C:\Windows\Temp\`, `C:\Users\Public\`, `%APPDATA%\Microsoft\`, `C:\ProgramData\`+word(r)+`\`) + name(i)}
		case 4:
			o = ioc.Observable{Type: ioc.FilePath, Value: pick("/tmp/.", "/usr/bin/", "/var/tmp/", "/etc/cron.d/", "/dev/shm/") + word(r) + fmt.Sprint(i)}
		case 5:
			o = ioc.Observable{Type: ioc.Mutex, Value: pick(`Global\`, "", "_") + word(r) + fmt.Sprintf("%x", r.Uint32()) + fmt.Sprint(i)}
		case 6:
			o = ioc.Observable{Type: ioc.UserAgent, Value: fmt.Sprintf("Mozilla/%d.0 (compatible; MSIE %d.0; Windows NT %d.1; %s/%d)", 4+r.IntN(2), 6+r.IntN(5), 5+r.IntN(2), word(r), i)}
		default:
			o = ioc.Observable{Type: ioc.RegistryKey, Value: pick(`HKLM\Software\Microsoft\Windows\CurrentVersion\Run\`, `HKCU\Software\`) + word(r) + fmt.Sprint(i)}
		}
		os = append(os, o)
	}
	return os
}

func BenchmarkPhrases(b *testing.B) {
	data := logText(4 << 20)
	few := list(b, "user_agent sqlmap/1.7", `file_path C:\Windows\Temp\x.exe`, "text Failed passphrase", "mutex Global\\qzx", "file_name evil.exe")
	f := func(name string, os []ioc.Observable, data []byte) {
		s := compile(b, os)
		b.Run(name, func(b *testing.B) {
			c := &scanner{set: s}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				c.out = c.out[:0]
				c.phrases(data, levelRaw)
			}
			b.ReportMetric(float64(len(c.out)), "hits")
		})
		b.Run(name+"/portable", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			gramsOff(func() {
				for b.Loop() {
					s.eachText(data, func(uint32, int, int) {})
				}
			}, gramsFast)
		})
		b.Run(name+"/walk", func(b *testing.B) {
			w := finder{automaton: &s.ac, set: s, t: data, yield: func(uint32, int, int) {}}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				w.walk(0, len(data))
			}
		})
	}
	f("n=5", few, data)
	f("n=5,short", append(slices.Clone(few), list(b, "file_name x.exe", "text evil", "mutex ab1")...), data)
	f("n=1000", freeTexts(1000), data)
	f("n=10000", freeTexts(10000), data)
	f("n=100000", freeTexts(100000), data)
	f("n=10000,common", append(freeTexts(10000), list(b, "user_agent Mozilla/5.0 (X11; Linux x86_64)", "text Failed password", "text invalid user x")...), data)
	evil := append(freeTexts(1000), list(b, "text aaaaaaaaaab", "file_path /tmp/x", "text Evil Bot", "text ........x", "text ......................................y")...)
	for _, s := range []string{"aaaab", "a", ".", "/tmp/", `C:\Windows\Temp\`, "Evil Bo", "Evil Bot", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; "} {
		f(fmt.Sprintf("hostile=%q", s), evil, bytes.Repeat([]byte(s), 1<<20/len(s)))
	}
	var all []byte
	for _, o := range freeTexts(1000) {
		all = append(all, o.Value[:len(o.Value)-1]...)
		all = append(all, ' ')
	}
	f("hostile=prefixes", evil, bytes.Repeat(all, 1<<20/len(all)))
}

func BenchmarkBuildAutomaton(b *testing.B) {
	for _, n := range []int{10000, 1000000} {
		s := compile(b, freeTexts(n))
		texts := s.ac.spans()
		size := 0
		for _, t := range texts {
			size += int(t.length)
		}
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var a automaton
			for b.Loop() {
				a = buildAutomaton(s.arena, slices.Clone(texts))
			}
			total := 0
			for _, p := range a.sections() {
				total += len(*p)
			}
			b.ReportMetric(float64(len(a.labels)), "states")
			b.ReportMetric(float64(total)/float64(len(texts)), "B/text")
		})
	}
}
