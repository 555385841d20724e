package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/internal/store/local"
)

type doctorFlags struct {
	repair  bool
	backup  string
	offline bool
	force   bool
}

const doctorLong = `Check configuration, store, compiled set and feeds. Each line says ok, warn or
fail, and how to mend what is not ok.

--repair makes the store usable again: what can be read of a damaged one is kept,
the damaged file is set aside, and the compiled set is made anew.
--backup FILE writes a full, consistent copy of the store, while it is in use too.

EXIT STATUS
  0  all is well, or only warnings   1  something fails`

func newDoctor(a *app) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the installation, repair and back up the store", Long: doctorLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), f) },
	}
	cmd.Flags().BoolVar(&f.repair, "repair", false, "make a damaged store or set usable again")
	cmd.Flags().StringVar(&f.backup, "backup", "", "write a full copy of the store to this file")
	cmd.Flags().BoolVar(&f.force, "force", false, "with --backup: replace a file that is there")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "do not ask the feeds")
	return cmd
}

// finding is the "check" object of docs/output.md.
type finding struct {
	Level string `json:"level"`
	What  string `json:"what"`
	Said  string `json:"said"`
	Mend  string `json:"mend,omitempty"`
}

// checkup collects the findings of a doctor's run.
type checkup struct {
	a     *app
	fails int
	err   error // of writing
}

func (c *checkup) say(level, what, said, mend string) {
	if level == "fail" {
		c.fails++
	}
	if c.a.json {
		c.err = errors.Join(c.err, c.a.line("check", finding{level, what, said, mend}))
		return
	}
	fmt.Fprintf(c.a.out, "%-4s  %-9s %s\n", level, what, escape(said))
	if mend != "" {
		fmt.Fprintf(c.a.out, "      %-9s mend: %s\n", "", mend)
	}
}

func (a *app) doctor(ctx context.Context, f doctorFlags) error {
	if f.repair {
		if err := a.repair(ctx); err != nil {
			return err
		}
	}
	if f.backup != "" {
		return a.backup(ctx, f.backup, f.force)
	}
	c := &checkup{a: a}
	c.config()
	if a.cfg.Elasticsearch.Enabled() {
		c.elasticsearch(ctx)
		c.clusterStore(ctx)
	} else if s := c.store(ctx); s != nil {
		defer s.Close()
		c.set(ctx, s)
		c.contents(ctx, s)
		c.arming(ctx, s)
	}
	if !f.offline {
		c.feeds(ctx)
	}
	if c.err != nil {
		return c.err
	}
	if c.fails > 0 {
		return quietly(exitFailed)
	}
	return nil
}

func (c *checkup) config() {
	if f := c.a.cfg.File; f != "" {
		c.say("ok", "config", f, "")
		return
	}
	c.say("ok", "config", "no file; defaults are in force", "")
}

// store opens and checks the embedded store.
func (c *checkup) store(ctx context.Context) *local.Store {
	path := c.a.cfg.Store.Path
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		c.say("warn", "store", path+" is not there yet", "iochunt collect, or iochunt indicators import FILE")
		return nil
	}
	s, err := c.a.readLocal()
	if err == nil {
		err = s.Check(ctx)
	}
	if err != nil {
		c.say("fail", "store", err.Error(), mendOf(err))
		if s != nil {
			s.Close()
		}
		return nil
	}
	c.say("ok", "store", path+": whole", "")
	return s
}

// mendOfReading is what mends an error of reading the store; usual is that of any
// but a refusal of the cluster.
func mendOfReading(err error, usual string) string {
	if clusterRefuses(err) {
		return "iochunt setup --print-roles has the roles that are needed"
	}
	return usual
}

// mendOf is what mends a store that does not open.
func mendOf(err error) string {
	switch {
	case errors.Is(err, local.ErrDamaged):
		return "iochunt doctor --repair"
	case errors.Is(err, local.ErrNewer):
		return "update iochunt"
	case errors.Is(err, fs.ErrPermission):
		return "run it as the store's owner, or name another folder (store.path, IOCHUNT_DATA_DIR)"
	default:
		return "see that the store's path is a folder on a disk with room; IOCHUNT_DATA_DIR or store.path names it"
	}
}

// set checks the compiled set against the store.
func (c *checkup) set(ctx context.Context, s *local.Store) {
	set, err := match.Open(c.a.setPath())
	current := false
	if err == nil {
		defer set.Close()
		if current, err = isSetOf(ctx, s, set); err != nil {
			c.say("fail", "set", err.Error(), "iochunt doctor --repair")
			return
		}
		err = set.Verify()
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.say("warn", "set", "not compiled yet", "the next scan or collect does it")
	case err != nil:
		c.say("warn", "set", err.Error(), "iochunt doctor --repair; the next scan does it too")
	case !current:
		c.say("warn", "set", "older than the store, or of another one", "the next scan or collect makes it anew")
	default:
		c.say("ok", "set", fmt.Sprintf("%s compiled", plural(set.Len(), "indicator")), "")
	}
}

// clusterStore looks at what the store in the cluster holds, where it is there:
// elasticsearch has told if it is not.
func (c *checkup) clusterStore(ctx context.Context) {
	s, err := c.a.openCluster(ctx)
	if err != nil {
		return
	}
	defer s.Close()
	c.contents(ctx, s)
	c.arming(ctx, s)
}

// contents warns of an empty, expired or old store.
func (c *checkup) contents(ctx context.Context, s database) {
	n, err := s.Count(ctx, c.a.now())
	switch {
	case err != nil:
		c.say("fail", "content", err.Error(), mendOfReading(err, "iochunt doctor --repair"))
	case n.Total == 0:
		c.say("warn", "content", "no indicators: a scan would have nothing to look for", "iochunt collect, or iochunt indicators import FILE")
	case n.Expired == n.Total:
		c.say("warn", "content", "every indicator has expired", "iochunt collect")
	default:
		c.say("ok", "content", fmt.Sprintf("%s, %s expired, %s not huntable in logs", plural(n.Total, "indicator"), thousands(n.Expired), thousands(n.NotHuntable)), "")
	}
}

// One in so many that are not armed is more than noise: a list may hold what it
// should not.
const manyDisarmed = 5

// oldLists is the age at which warninglists stop being a help.
const oldLists = 180 * 24 * time.Hour

// arming warns of rules that cannot be made, and of lists that are old.
func (c *checkup) arming(ctx context.Context, s database) {
	_, unusable, err := c.a.rulesInForce(ctx, s)
	if err != nil {
		c.say("fail", "arming", err.Error(), mendOfReading(err, "mend arming in the config file"))
		return
	}
	n, err := s.Count(ctx, c.a.now())
	if err != nil {
		c.say("fail", "arming", err.Error(), "iochunt doctor --repair")
		return
	}
	said := fmt.Sprintf("%s asked; of %s %s not armed", plural(c.a.listsAsked, "list"), plural(n.Total, "indicator"), areOf(n.Disarmed))
	level, mend := "ok", ""
	if n.Disarmed*manyDisarmed > n.Total {
		level, mend = "warn", "iochunt indicators count says by which rules; arming.lists in the config file can switch a list off"
	}
	c.say(level, "arming", said, mend)
	for _, said := range sayUnusable(unusable) {
		c.say("warn", "lists", said, "")
	}
	c.lists(ctx, s)
	c.listRules(ctx, s)
}

// listRules warns of rules for lists that no list has the name of: a name that
// is misspelled does nothing.
func (c *checkup) listRules(ctx context.Context, s database) {
	rows, err := c.a.listRows(ctx, s)
	if err != nil {
		c.say("fail", "lists", err.Error(), "iochunt doctor --repair")
		return
	}
	for i, r := range c.a.cfg.Arming.Lists {
		alone := config.Arming{Lists: []config.ListRule{r}}
		if !slices.ContainsFunc(rows, func(l listJSON) bool { return alone.ActionOf(l.List) != "" || alone.ActionOf(l.ID) != "" }) {
			c.say("warn", "lists", fmt.Sprintf("arming.lists[%d]: no list is called %q", i, r.List), "iochunt warninglists shows the names; iochunt collect brings those of feeds")
		}
	}
}

func (c *checkup) lists(ctx context.Context, s database) {
	states, err := s.Feeds(ctx)
	if err != nil {
		c.say("fail", "lists", err.Error(), "iochunt doctor --repair")
		return
	}
	for _, f := range states {
		if f.Lists > 0 && f.LastRun != nil && c.a.now().Sub(f.LastRun.Ended) > oldLists {
			c.say("warn", "lists", fmt.Sprintf("feed %s was last read %s", f.Name, ago(c.a.now(), f.LastRun.Ended)), "iochunt collect "+f.Name)
		}
	}
}

func (c *checkup) feeds(ctx context.Context) {
	if len(c.a.cfg.Feeds) == 0 {
		c.say("warn", "feeds", "none is configured", "set OTX_API_KEY, or iochunt init")
	}
	for _, f := range c.a.cfg.Feeds {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		said, err := c.a.checkFeed(ctx, f)
		cancel()
		switch {
		case errors.Is(err, collect.ErrAuth):
			c.say("fail", "feed "+f.Name, err.Error(), "give the right credential (config file, or OTX_API_KEY)")
		case err != nil:
			c.say("fail", "feed "+f.Name, err.Error(), "iochunt feeds check "+f.Name)
		default:
			head, _, _ := strings.Cut(said, "\n") // what is offered: feeds check
			c.say("ok", "feed "+f.Name, head, "")
		}
	}
}

func (a *app) repair(ctx context.Context) error {
	r, err := local.Repair(ctx, a.cfg.Store.Path)
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	a.tellRepair(r)
	if err := os.Remove(a.setPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return a.refreshSet(ctx)
}

// checkBackup refuses to write over anything: a copy that replaces the store it
// was made of is none.
func (a *app) checkBackup(path string, force bool) error {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	own, err := filepath.Abs(a.cfg.Store.Path)
	if err != nil {
		return err
	}
	if dir == own {
		return usage("--backup %s: not into the store's own folder", path)
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return usage("--backup %s: there is such a file already; --force replaces it", path)
	}
	return nil
}

func (a *app) tellRepair(r local.Repaired) {
	if r.Aside == "" {
		a.note("iochunt: the store is whole; nothing to repair")
	} else {
		a.note("iochunt: the store was made anew of what could be read; the damaged file is %s", r.Aside)
	}
	for _, l := range r.Lost {
		a.note("iochunt: lost: %s", l)
	}
	if r.Collect {
		a.note("iochunt: indicators are missing; to bring them back: iochunt collect --full (and import lists again)")
	}
}

func (a *app) backup(ctx context.Context, path string, force bool) error {
	if err := a.checkBackup(path, force); err != nil {
		return err
	}
	s, err := a.openLocal()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Backup(ctx, path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "the store was copied to %s\n", path)
	return err
}
