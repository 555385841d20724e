// Package configs carries the commented configuration file that "iochunt init"
// writes.
package configs

import _ "embed"

// YAML is the configuration with every key at its default.
//
//go:embed iochunt.yaml
var YAML []byte
