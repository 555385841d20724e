package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// fileCursor is what has been read: the marks of the files by their ids.
type fileCursor struct {
	Files map[string]fileMark `json:"files"`
}

// fileMark tells a file that is unchanged without reading it, and one that
// was only touched without storing it again.
type fileMark struct {
	Size     int64    `json:"size"`
	MTime    int64    `json:"mtime"`             // Unix nanoseconds
	Changed  int64    `json:"ctime,omitempty"`   // the same, of the last change whatever the modification time was set to; 0 not known
	Sum      string   `json:"sum"`               // of the content and of how it was read; the revision of its reports
	Reports  []string `json:"reports,omitempty"` // ids, where not the file itself is the only report
	ETag     string   `json:"etag,omitempty"`
	Modified string   `json:"modified,omitempty"` // Last-Modified as the server wrote it
	None     bool     `json:"none,omitempty"`     // it holds no report
}

// reports returns the ids of the reports of the file with that id.
func (m *fileMark) reports(id string) []string {
	if m.None {
		return nil
	}
	if m.Reports == nil {
		return []string{id}
	}
	return m.Reports
}

func parseFileCursor(c ioc.Cursor) (fileCursor, error) {
	cur := fileCursor{Files: make(map[string]fileMark)}
	if c == "" {
		return cur, nil
	}
	err := json.Unmarshal([]byte(c), &cur)
	if err == nil && cur.Files == nil {
		err = errors.New("it has no files")
	}
	if err != nil {
		err = fmt.Errorf("the cursor is not one of a feed of files (%w); a full collect makes a new one", err)
	}
	return cur, err
}

func (c fileCursor) encode() ioc.Cursor {
	b, _ := json.Marshal(c) // maps come out sorted
	return ioc.Cursor(b)
}

// reports returns the ids of all reports that the files hold.
func (c fileCursor) reports() map[string]bool {
	all := make(map[string]bool, len(c.Files))
	for id, m := range c.Files {
		for _, rep := range m.reports(id) {
			all[rep] = true
		}
	}
	return all
}

// digest is a short fingerprint of settings.
func digest(of ...any) string {
	b, _ := json.Marshal(of) // maps come out sorted
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// first names the first few of many.
func first(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
