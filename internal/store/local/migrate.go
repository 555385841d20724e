package local

// migrations[n] brings a file from schema version n+1 to n+2. SQLite appends an
// added column to the text of the table, so that a file brought up to date has
// the very schema of a new one, which Check compares.
var migrations = []func(*tx) error{addArming}

// addArming is version 2: verdicts of observables, decisions, marks of hits,
// warninglists, notes, and what events tell of their direction and outcome.
// What was stored keeps its checksums: the new columns are part of them only
// where they say something.
func addArming(t *tx) error {
	for _, ddl := range []string{
		"ALTER TABLE observable ADD COLUMN verdict INTEGER NOT NULL DEFAULT 0", verdictIndex,
		"ALTER TABLE refused ADD COLUMN place TEXT NOT NULL DEFAULT ''",
		"ALTER TABLE hit ADD COLUMN direction TEXT NOT NULL DEFAULT ''",
		"ALTER TABLE hit ADD COLUMN outcome TEXT NOT NULL DEFAULT ''",
		verdictTable, decisionTable, markTable, hitMarkTable, hitMarkIndexes[0], hitMarkIndexes[1], warninglistTable, noteTable,
	} {
		if err := t.exec(ddl); err != nil {
			return err
		}
	}
	for _, key := range []string{metaVerdicts, metaJudged} {
		if err := t.setMeta(key, 0); err != nil {
			return err
		}
	}
	return checkSchema(t)
}
