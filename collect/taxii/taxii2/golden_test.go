package taxii2_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/internal/testdir"
)

// exchanges returns the recorded answers of a real server (medallion) by the
// question, in their order.
func exchanges(t *testing.T) map[string][]string {
	dir := testdir.Shared(t, "protocols/transcripts/taxii2/http")
	files, err := filepath.Glob(filepath.Join(dir, "*.request.http"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded exchanges in %s: %v", dir, err)
	}
	out := map[string][]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		answer := strings.Replace(file, ".request.", ".response.", 1)
		key := question(req)
		out[key] = append(out[key], answer)
	}
	return out
}

func question(r *http.Request) string {
	_, _, known := r.BasicAuth()
	return fmt.Sprint(known, " ", r.Header.Get("Accept"), " ", r.URL.Path, "?", r.URL.Query().Encode())
}

// replay answers as the recorded server did; each question's last answer stays.
func replay(t *testing.T) http.Handler {
	recorded := exchanges(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files := recorded[question(r)]
		if len(files) == 0 {
			t.Errorf("the recorded client never asked %s", question(r))
			http.Error(w, "unknown", http.StatusNotImplemented)
			return
		}
		if len(files) > 1 {
			recorded[question(r)] = files[1:]
		}
		raw, err := os.ReadFile(files[0])
		if err != nil {
			t.Error(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), r)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		for k, vs := range resp.Header {
			if k != "Content-Length" && k != "Connection" {
				w.Header()[k] = vs
			}
		}
		w.WriteHeader(resp.StatusCode)
		w.Write(text)
	})
}

// TestGolden asks what a real client asked a real server, and reads its answers.
func TestGolden(t *testing.T) {
	c, root := connect(t, replay(t), "2.1", login)
	d, err := c.Discovery(t.Context(), at(root, "/taxii2/"))
	if err != nil || d.Title != "TAXII 2.1 test server" || len(d.Roots) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	api, err := c.Root(t.Context(), root)
	if err != nil || api.MaxContent != 1_000_000 {
		t.Errorf("%+v, %v", api, err)
	}
	list, err := c.Collections(t.Context(), root)
	if err != nil || len(list) != 4 || list[0].ID != "user_AlienVault" || !list[0].CanRead || list[3].CanRead {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := c.Collections(t.Context(), at(root, "/empty/")); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	f := func(id string, q taxii2.Query, objects, pages int, last string) {
		t.Helper()
		var g got
		res, err := c.Objects(t.Context(), root, id, q, g.page)
		if err != nil || !res.Complete || res.Objects != objects || len(g.ids) != objects || res.Pages != pages || res.Last != last {
			t.Errorf("%s: %+v, %v", id, res, err)
		}
	}
	f("user_AlienVault", taxii2.Query{Limit: 10}, 23, 3, "2024-05-02T13:23:00.000023Z")
	f("user_demo", taxii2.Query{}, 0, 1, "")
	f("user_AlienVault", taxii2.Query{AddedAfter: "2030-01-01T00:00:00Z"}, 0, 1, "")
	g := func(path, id, says string, want error) {
		t.Helper()
		_, err := c.Objects(t.Context(), at(root, path), id, quick, func(*taxii2.Page) error { return nil })
		if err == nil || !strings.Contains(err.Error(), says) || want != nil && !strings.Contains(err.Error(), want.Error()) {
			t.Errorf("%s: %v", id, err)
		}
	}
	g("/root/", "nope", "Collection 'nope' not found", nil)
	g("/root/", "00000000-0000-4000-8000-000000000009", "Forbidden to read collection", taxii.ErrAuth)
	if _, err := c.Collections(t.Context(), at(root, "/nope/")); err == nil || !strings.Contains(err.Error(), "API root 'nope' information not found") {
		t.Error(err)
	}
}
