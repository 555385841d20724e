package configs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkCommand fails unless the words are a verb and flags that docs/cli.md, which
// is written from the program, has.
func checkCommand(t *testing.T, words []string) {
	t.Helper()
	_, help, found := strings.Cut(read(t, "../docs/cli.md"), "\n## iochunt "+words[0]+"\n")
	if !found {
		t.Errorf("docs/cli.md has no verb %q (make docs)", words[0])
		return
	}
	help, _, _ = strings.Cut(help, "\n## ")
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-") || !regexp.MustCompile(`(^|\s)`+w+`\s`).MatchString(help) {
			t.Errorf("iochunt %s has no %q", words[0], w)
		}
	}
}

// composeFile is what the tests look at in compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Image       string
		Ports       []string
		Volumes     []string
		Environment map[string]string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Healthcheck struct{ Test []string }
	}
	Volumes map[string]any
}

func compose(t *testing.T) (c composeFile, text string) {
	t.Helper()
	text = read(t, "compose.yaml")
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c, text
}

func TestComposeIsClosedToOtherMachines(t *testing.T) {
	c, text := compose(t)
	for name, s := range c.Services {
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: the port %s is open to other machines", name, p)
			}
		}
		for k, v := range s.Environment {
			if secret := strings.Contains(k, "PASSWORD") || strings.HasSuffix(k, "KEY"); !secret {
				continue
			}
			variable := regexp.MustCompile(`^\$\{([A-Z_]+):\?.*\}$`).FindStringSubmatch(v)
			if variable == nil {
				t.Errorf("%s: %s must come from .env and be demanded, ${NAME:?...}; it is %q", name, k, v)
			} else if head, _, _ := strings.Cut(text, "> .env"); !strings.Contains(head, variable[1]) {
				t.Errorf("%s: what writes .env does not write %s", name, variable[1])
			}
		}
	}
	if on := c.Services["elasticsearch"].Environment["xpack.security.enabled"]; on != "true" {
		t.Errorf("xpack.security.enabled is %q", on)
	}
}

func TestComposeHangsTogether(t *testing.T) {
	c, _ := compose(t)
	if len(c.Services) != 3 {
		t.Fatalf("%d services, want 3", len(c.Services))
	}
	version := regexp.MustCompile(`^docker\.elastic\.co/(elasticsearch/elasticsearch|kibana/kibana):(8\.19\.\d+)$`)
	versions := map[string]bool{}
	for name, s := range c.Services {
		m := version.FindStringSubmatch(s.Image)
		if m == nil {
			t.Fatalf("%s: image %q, want Elasticsearch or Kibana 8.19", name, s.Image)
		}
		versions[m[2]] = true
		for on, d := range s.DependsOn {
			if other, ok := c.Services[on]; !ok || d.Condition == "service_healthy" && len(other.Healthcheck.Test) == 0 {
				t.Errorf("%s waits for %s, which never is %s", name, on, d.Condition)
			}
		}
		for _, v := range s.Volumes {
			if volume, _, _ := strings.Cut(v, ":"); !slices.Contains(keys(c.Volumes), volume) {
				t.Errorf("%s: there is no volume %q", name, volume)
			}
		}
	}
	if len(versions) != 1 {
		t.Errorf("versions %v: Kibana works with its own version only", keys(versions))
	}
}

func keys[V any](m map[string]V) (ks []string) {
	for k := range m {
		ks = append(ks, k)
	}
	return ks
}

// What the head of compose.yaml says to put into iochunt.yaml are keys that iochunt.yaml has.
func TestComposeTellsTheKeys(t *testing.T) {
	_, text := compose(t)
	_, told, _ := strings.Cut(text, "# and into iochunt.yaml:\n")
	told, _, _ = strings.Cut(told, "# Then:")
	found := regexp.MustCompile(`[a-z_]+:(\s|$)`).FindAllString(strings.ReplaceAll(told, "\n", " "), -1)
	if len(found) < 5 {
		t.Fatalf("keys %q found in %q", found, told)
	}
	for _, k := range found {
		if !strings.Contains(string(YAML), strings.TrimSpace(k)) {
			t.Errorf("iochunt.yaml has no %q", k)
		}
	}
}

// unit is a systemd unit: section, key, values in their order.
type unit map[string]map[string][]string

func readUnit(t *testing.T, name string) unit {
	t.Helper()
	u, section := unit{}, ""
	for line := range strings.Lines(read(t, filepath.Join("systemd", name))) {
		line = strings.TrimSpace(line)
		switch k, v, isKey := strings.Cut(line, "="); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
			u[section] = map[string][]string{}
		case isKey && section != "":
			u[section][k] = append(u[section][k], v)
		default:
			t.Errorf("%s: %q is neither section nor key", name, line)
		}
	}
	return u
}

func TestServices(t *testing.T) {
	for _, verb := range []string{"collect", "hunt"} {
		s := readUnit(t, "iochunt-"+verb+".service")["Service"]
		for k, want := range map[string]string{
			"Type": "oneshot", "User": "iochunt", "DynamicUser": "yes", "StateDirectory": "iochunt", "SuccessExitStatus": "3 130",
			"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "CapabilityBoundingSet": "", "UMask": "0077",
		} {
			if got := s[k]; len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s=%q, want %q", verb, k, got, want)
			}
		}
		if len(s["LoadCredential"]) == 0 {
			t.Errorf("%s: no LoadCredential", verb)
		}
		for _, start := range s["ExecStart"] {
			words := strings.Fields(start)
			if words[0] != "/usr/local/bin/iochunt" || words[1] != verb {
				t.Fatalf("%s: ExecStart=%s", verb, start)
			}
			checkCommand(t, words[1:])
		}
	}
}

func TestTimers(t *testing.T) {
	for verb, when := range map[string]string{"collect": "hourly", "hunt": "*:0/5"} {
		u := readUnit(t, "iochunt-"+verb+".timer")
		for k, want := range map[string]string{"OnCalendar": when, "Persistent": "true"} {
			if got := u["Timer"][k]; len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s=%q, want %q", verb, k, got, want)
			}
		}
		if len(u["Timer"]["RandomizedDelaySec"]) != 1 || len(u["Install"]["WantedBy"]) != 1 {
			t.Errorf("%s: no RandomizedDelaySec or WantedBy: %v", verb, u)
		}
	}
}

// systemd itself reads the units, where it is installed.
func TestUnitsVerify(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here; TestServices and TestTimers look at the structure")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, name := range []string{"iochunt-collect.service", "iochunt-collect.timer", "iochunt-hunt.service", "iochunt-hunt.timer"} {
		text := strings.ReplaceAll(read(t, filepath.Join("systemd", name)), "/usr/local/bin/iochunt", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, filepath.Join(dir, name))
	}
	cmd := exec.Command(analyze, args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "Failed to initialize manager") {
		t.Skipf("systemd-analyze does not work here: %s", out)
	}
	// It warns of what it does not know with the exit code 0.
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestCron(t *testing.T) {
	text := read(t, "cron/iochunt")
	if !regexp.MustCompile(`(?m)^MAILTO=\S`).MatchString(text) {
		t.Error("no MAILTO")
	}
	job := regexp.MustCompile(`(?m)^[0-9*].*$`)
	parts := regexp.MustCompile(`^(\S+ ){5} *iochunt +flock -n -E 0 (/var/lib/iochunt/[a-z]+\.lock) .*\$\(iochunt ([^)]*) 2>&1\)`)
	locks := map[string]bool{}
	for _, line := range job.FindAllString(text, -1) {
		m := parts.FindStringSubmatch(line)
		if m == nil || strings.Contains(line, "%") { // cron makes a line end of a per cent sign
			t.Errorf("not as expected: %s", line)
			continue
		}
		locks[m[2]] = true
		checkCommand(t, strings.Fields(m[3]))
	}
	if len(locks) != 2 {
		t.Errorf("locks %v, want one of each verb", keys(locks))
	}
}
