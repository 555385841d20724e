package warninglist

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/misplist"
)

// builtin holds the lists of our own making, one a file.
//
//go:embed builtin/*.json
var builtin embed.FS

// Builtin returns the lists that the program brings: ranges of addresses that
// are nobody's on the Internet, digests of files without content, public
// resolvers, and names that operating systems and this program ask of their own
// accord. The name of each begins with "iochunt: ", its ID is its file's name,
// and Feed is empty.
func Builtin() []ioc.Warninglist {
	files, err := fs.Glob(builtin, "builtin/*.json")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	lists := make([]ioc.Warninglist, 0, len(files))
	for _, f := range files {
		lists = append(lists, mustParse(f))
	}
	return lists
}

// mustParse reads a file of ours. A test reads them all, so that a broken one
// is never shipped.
func mustParse(file string) ioc.Warninglist {
	text, err := builtin.ReadFile(file)
	if err != nil {
		panic(err)
	}
	id := strings.TrimSuffix(path.Base(file), ".json")
	l, refused, err := misplist.Parse(bytes.NewReader(text), id)
	if err != nil || len(refused) > 0 {
		panic(fmt.Sprintf("warninglist: built in %s: %v %v", file, err, refused))
	}
	return l
}
