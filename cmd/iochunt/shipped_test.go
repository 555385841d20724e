package main

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/config"
)

// TestShippedDefaults: what the configuration file says to be the default is.
func TestShippedDefaults(t *testing.T) {
	c, err := config.Load(filepath.Join("..", "..", "configs", "iochunt.yaml"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(config.DefaultArming(), c.Arming, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("arming (-default +file):\n%s", d)
	}
	var said enrich.Scoring
	if err := c.DecodeScoring(&said); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(enrich.DefaultScoring(), said, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("scoring (-default +file):\n%s", d)
	}
}
