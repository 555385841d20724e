package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// The values of the events, and those of the indicators, are made of numbers by
// functions, in spaces that do not meet. So what hits is what was planted.

// hexOf is n hex digits that belong to a number; tag keeps kinds apart.
func hexOf(tag string, k, n int) string {
	sum := sha256.Sum256(strconv.AppendInt([]byte(tag+"-"), int64(k), 10))
	return hex.EncodeToString(sum[:])[:n]
}

var (
	huntTLDs  = []string{"com", "net", "org", "io", "de", "co.uk", "cn", "info"}
	huntHosts = []string{"www", "api", "cdn", "mail", "static", "img", "login", "eu-1", "edge", "assets"}
)

func huntTLD(k int) string { return huntTLDs[k%len(huntTLDs)] }

func huntLabel(k int) string { return huntHosts[k%len(huntHosts)] }

// goodHost is a name that events have; one in three is the only one of its
// domain, and the others share domains.
func goodHost(k, domains int) string {
	if k%3 == 0 {
		return hexOf("d", k, 4+k%9) + "-" + huntLabel(k) + "." + huntTLD(k)
	}
	return huntLabel(k/3) + "." + hexOf("dd", k%domains, 8) + "." + huntTLD(k)
}

func goodSource(k int) string { return fmt.Sprintf("10.%d.%d.%d", k>>16&255, k>>8&255, k&255) }

// goodPeer is a public address below 170.0.0.0.
func goodPeer(k int) string {
	k = k*2654435761 + 12345
	return fmt.Sprintf("%d.%d.%d.%d", 20+(k>>24&255)%150, k>>16&255, k>>8&255, k&255)
}

func listedHost(k int) string { return huntLabel(k) + ".h" + hexOf("bh", k, 9) + ".bad-" + huntTLD(k) }

func listedDomain(k int) string { return "q" + hexOf("bd", k, 10) + ".evil." + huntTLD(k) }

func listedURL(k int) string {
	return "http://" + hexOf("bu", k, 8) + ".mal." + huntTLD(k) + "/" + hexOf("bp", k, 8+k%24) + "/x.exe"
}

func listedSHA256(k int) string { return hexOf("bs", k, 64) }

func listedMD5(k int) string { return hexOf("bm", k, 32) }

func listedSHA1(k int) string { return hexOf("b1", k, 40) }

func listedIP(k int) string { return fmt.Sprintf("198.%d.%d.%d", 18+k>>16&1, k>>8&255, k&255) }

func listedMail(k int) string { return "m" + hexOf("be", k, 8) + "@mail-evil.org" }

// The lower half of each of these networks is listed, the upper half is not.
const halves = 250

func listedNet(k int) string { return fmt.Sprintf("203.0.%d.0/25", k%halves) }

func insideNet(k int) string { return fmt.Sprintf("203.0.%d.%d", k%halves, 1+k%120) }

func besideNet(k int) string { return fmt.Sprintf("203.0.%d.%d", k%halves, 130+k%120) }

// planted is one event and the one observable that stands in it.
type planted struct {
	kind, field, value string
	listed             ioc.Observable
}

// plants are the 2,000 pairs, in the order in which events have them. Each kind
// has so many events over a pool of so many values.
func plants() []planted {
	var all []planted
	add := func(events, pool int, kind, field string, typ ioc.Type, value, listed func(k int) string) {
		for j := range events {
			k := j % pool
			all = append(all, planted{kind, field, value(k), ioc.Observable{Type: typ, Value: listed(k)}})
		}
	}
	same := func(events, pool int, kind, field string, typ ioc.Type, from func(k int) string, offset int) {
		f := func(k int) string { return from(k + offset) }
		add(events, pool, kind, field, typ, f, f)
	}
	same(300, 120, "hostname", "dns.question.name", ioc.Domain, listedHost, 0)
	same(150, 60, "domain", "url.domain", ioc.Domain, listedDomain, 0)
	same(250, 120, "url", "url.full", ioc.URL, listedURL, 0)
	same(250, 100, "sha256 of a file", "file.hash.sha256", ioc.SHA256, listedSHA256, 0)
	same(100, 50, "sha256 of a process", "process.hash.sha256", ioc.SHA256, listedSHA256, 200)
	same(150, 60, "md5", "file.hash.md5", ioc.MD5, listedMD5, 0)
	same(50, 25, "sha1", "file.hash.sha1", ioc.SHA1, listedSHA1, 0)
	same(150, 60, "source address", "source.ip", ioc.IP, listedIP, 0)
	same(150, 60, "destination address", "destination.ip", ioc.IP, listedIP, 100)
	same(150, 70, "second of several values", "dns.resolved_ip", ioc.IP, listedIP, 200)
	parent := func(k int) string { return listedDomain(k + 100) }
	add(150, 70, "name below a listed one", "dns.question.name", ioc.Domain, func(k int) string { return "a" + strconv.Itoa(k) + ".cdn." + parent(k) }, parent)
	add(50, 20, "address in a listed network", "destination.ip", ioc.CIDR, insideNet, listedNet)
	digest := func(k int) string { return listedSHA256(k + 400) }
	add(75, 40, "hash in capitals", "file.hash.sha256", ioc.SHA256, func(k int) string { return strings.ToUpper(digest(k)) }, digest)
	same(25, 10, "mailbox", "email.from.address", ioc.Email, listedMail, 0)
	rng := rand.New(rand.NewPCG(7, 7))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// indicatorList is a list of n: 30 % hosts, 20 % domains (both of type domain),
// 15 % URLs, 15 % sha256, 8 % md5, 6 % sha1, 5 % addresses, 20 networks, and
// mailboxes for the rest, in an order that depends on n alone.
func indicatorList(n int) []ioc.Observable {
	shares := []struct {
		typ     ioc.Type
		percent int
		of      func(int) string
	}{
		{ioc.Domain, 30, listedHost}, {ioc.Domain, 20, listedDomain}, {ioc.URL, 15, listedURL}, {ioc.SHA256, 15, listedSHA256},
		{ioc.MD5, 8, listedMD5}, {ioc.SHA1, 6, listedSHA1}, {ioc.IP, 5, listedIP},
	}
	list := make([]ioc.Observable, 0, n)
	for _, s := range shares {
		for k := range n * s.percent / 100 {
			list = append(list, ioc.Observable{Type: s.typ, Value: s.of(k)})
		}
	}
	for k := range 20 {
		list = append(list, ioc.Observable{Type: ioc.CIDR, Value: listedNet(k)})
	}
	for k := 0; len(list) < n; k++ {
		list = append(list, ioc.Observable{Type: ioc.Email, Value: listedMail(k)})
	}
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	rng.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return slices.Clip(list)
}
