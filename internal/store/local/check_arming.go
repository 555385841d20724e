package local

func (c *checker) verdictRows() error {
	last, err := meta(c.q, metaVerdicts)
	if err != nil {
		return err
	}
	return each(c.q, "SELECT id, hash, disarmed, lowered, doc, chk FROM verdict", nil, func(row scanner) error {
		var v verdict
		var hash, chk int64
		if err := row(&v.id, &hash, &v.disarmed, &v.lowered, &v.doc, &chk); err != nil {
			return err
		}
		c.verdicts[v.id] = true
		a, err := decodeVerdict([]byte(v.doc))
		if err != nil {
			return err
		}
		if hash != v.hash() || chk != v.chk() || v.id > last || a.Disarmed != v.disarmed || lowered(a) != v.lowered {
			c.report("verdict %d is not what was written", v.id)
		}
		return nil
	})
}

func (c *checker) decisions() error {
	return each(c.q, "SELECT "+decisionColumns+" FROM decision", nil, func(row scanner) error {
		d, ok, err := scanDecision(row)
		if err == nil && !ok {
			c.report("the decision about %s %q is not what was written", d.Type, d.Value)
		}
		return err
	})
}

func (c *checker) marks() error {
	idle, err := column1[int64](c.q, "SELECT id FROM mark WHERE NOT EXISTS (SELECT 1 FROM hit_mark WHERE hit_mark.mark = mark.id)")
	for _, id := range idle {
		c.report("the mark %d covers no hit", id)
	}
	if err != nil {
		return err
	}
	return each(c.q, "SELECT id, "+markColumns+" FROM mark", nil, func(row scanner) error {
		var id int64
		_, ok, err := scanMark(row, &id)
		if err == nil && !ok {
			c.report("the mark %d is not what was written", id)
		}
		return err
	})
}

// hitMarks checks rows; that their marks exist is SQLite's own check.
func (c *checker) hitMarks() error {
	return each(c.q, "SELECT "+hitMarkColumns+" FROM hit_mark", nil, func(row scanner) error {
		var m marked
		var act int64
		ok, err := m.scan(row, &act)
		if err == nil && !ok {
			c.report("the mark of hit %q is not what was written", m.hit)
		}
		return err
	})
}

func (c *checker) warninglists() error {
	return each(c.q, "SELECT report, "+warninglistColumns+" FROM warninglist", nil, func(row scanner) error {
		var l warninglist
		if err := l.scan(row); err != nil {
			return err
		}
		_, err := l.list("", "")
		return err
	})
}

func (c *checker) notes() error {
	return each(c.q, "SELECT key, value, chk FROM note", nil, func(row scanner) error {
		var key, value string
		var chk int64
		err := row(&key, &value, &chk)
		if chk != noteSum(key, value) {
			c.report("the note %q is not what was written", key)
		}
		return err
	})
}
