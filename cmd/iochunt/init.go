package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/configs"
	"github.com/iochunt/iochunt/internal/config"
)

type initFlags struct {
	path   string
	stdout bool
	force  bool
}

func newInit(a *app) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use: "init", Short: "Write a commented configuration file", Args: cobra.NoArgs,
		Long: `Write a commented configuration file with every key at its default.

With OTX_API_KEY set, an OTX feed is switched on; the key itself is not written.`,
		Annotations: map[string]string{"config": "none"},
		RunE:        func(*cobra.Command, []string) error { return a.init(f) },
	}
	cmd.Flags().StringVarP(&f.path, "output", "o", "", "where to write (default: --config, $IOCHUNT_CONFIG, or the user's config file)")
	cmd.Flags().BoolVar(&f.stdout, "stdout", false, "write to standard output instead")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a file that is there")
	return cmd
}

func (a *app) init(f initFlags) error {
	text := a.initialConfig()
	if f.stdout {
		_, err := a.out.Write(text)
		return err
	}
	path := cmp.Or(f.path, a.configFile, a.env("IOCHUNT_CONFIG"), config.UserFile(a.env))
	if path == "" {
		return usage("no home directory: say where to write with --output FILE")
	}
	if err := writeNew(path, text, f.force); err != nil {
		return err
	}
	if a.json {
		return a.line("init", map[string]string{"file": path})
	}
	fmt.Fprintf(a.out, "wrote %s\nnext: iochunt feeds check, then iochunt collect\n", path)
	return nil
}

// initialConfig is the shipped file; with a key in the environment the OTX feed
// is on.
func (a *app) initialConfig() []byte {
	if a.env("OTX_API_KEY") == "" {
		return configs.YAML
	}
	return bytes.Replace(configs.YAML, []byte("\nfeeds: []\n"),
		[]byte("\nfeeds:\n  - {name: otx, kind: otx, every: 1h} # the key comes from OTX_API_KEY\n"), 1)
}

// writeNew writes a file that only its owner can read and write, and does not
// replace one unless it must.
func writeNew(path string, text []byte, force bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	w, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; --force replaces it", path)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return errors.Join(err, w.Close())
}
