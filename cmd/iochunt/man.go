package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan writes man pages, for packagers.
func newMan(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages into a folder", Args: cobra.ExactArgs(1), Hidden: true,
		Annotations: map[string]string{"config": "none"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			date := time.Unix(0, 0).UTC() // the same pages from the same source
			head := &doc.GenManHeader{Title: "IOCHUNT", Section: "1", Source: "iochunt " + version, Date: &date}
			if err := doc.GenManTree(cmd.Root(), head, args[0]); err != nil {
				return err
			}
			pages, err := filepath.Glob(filepath.Join(args[0], "*.1"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%d man pages in %s\n", len(pages), args[0])
			return err
		},
	}
}
