package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/term"
)

// loginFlags say who asks. A secret comes from a file, the environment or a
// prompt; --password is there because scripts written for other clients have it.
type loginFlags struct {
	username, usernameFile string
	password, passwordFile string
	keyPasswordFile        string
	jwt                    string
	headers                []string
}

// login gathers the credentials for a server.
func (a *app) login(ctx context.Context, f *loginFlags, base *url.URL) (taxii.Login, error) {
	user, err := a.username(f, base.Hostname())
	if err != nil {
		return taxii.Login{}, err
	}
	if f.jwt != "" && user == "" {
		return taxii.Login{}, usage("--jwt-auth needs a user name and a password")
	}
	password, err := a.password(ctx, f, user, base.Hostname())
	if err != nil {
		return taxii.Login{}, err
	}
	header, err := parseHeaders(f.headers)
	return taxii.Login{Username: httpx.Secret(user), Password: httpx.Secret(password), JWT: f.jwt, Header: header}, err
}

func (a *app) username(f *loginFlags, host string) (string, error) {
	if f.usernameFile != "" {
		return a.secretFile("--username-file", f.usernameFile)
	}
	name := cmp.Or(f.username, a.env("TAXII_USERNAME"))
	if name == "" && host == otx.PublicHost {
		name = a.env("OTX_API_KEY")
	}
	return name, nil
}

// password looks in the file, the flag and the environment, and then asks, if
// somebody sits at a terminal and there is a user name. An empty one is one,
// too: OTX looks at the user name alone.
func (a *app) password(ctx context.Context, f *loginFlags, user, host string) (string, error) {
	switch env := a.env("TAXII_PASSWORD"); {
	case f.passwordFile != "":
		return a.secretFile("--password-file", f.passwordFile)
	case f.password != "":
		a.note("iochunt: others on this machine can see a --password in the list of processes; --password-file, TAXII_PASSWORD or the prompt hide it")
		return f.password, nil
	case env != "" || user == "" || host == otx.PublicHost:
		return env, nil
	}
	in, _ := a.in.(*os.File)
	if !term.IsTerminal(in) {
		return "", nil
	}
	return term.ReadSecret(ctx, in, a.err, fmt.Sprintf("Password for %s (none: press return): ", escape(host)))
}

// secretFile reads a secret from a file that nobody else can read, or from
// standard input where the name is "-".
func (a *app) secretFile(flag, path string) (string, error) {
	if path != "-" {
		s, err := config.ReadSecret(path)
		if err != nil {
			return "", usage("%s: %w", flag, err)
		}
		return s, nil
	}
	line, err := readLine(a.in)
	if err != nil {
		return "", fmt.Errorf("%s: standard input: %w", flag, err)
	}
	if line == "" {
		return "", usage("%s -: there is no line on standard input", flag)
	}
	return line, nil
}

// readLine reads one line and not a byte more: the next one is for the next
// flag that names standard input.
func readLine(in io.Reader) (string, error) {
	var line []byte
	b := make([]byte, 1)
	for len(line) < 64<<10 {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' || errors.Is(err, io.EOF) && n == 0 {
			break
		}
		line = append(line, b[:n]...)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
	}
	return strings.TrimRight(string(line), "\r"), nil
}

// parseHeaders reads "Name: value" texts.
func parseHeaders(lines []string) (http.Header, error) {
	h := make(http.Header)
	for _, line := range lines {
		name, value, ok := taxii.CutHeader(line)
		if !ok {
			return nil, usage("--header is written as Name:value")
		}
		h.Add(name, value)
	}
	return h, nil
}
