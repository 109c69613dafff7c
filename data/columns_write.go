package data

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Tagged writes the text with other values in a column, tags[i][j] at token j of sentence i. notes[i][j] are further values of the
// token, in columns behind the others, in CoNLL-U as entries of the column misc; nil is for none. All else is as it was, byte
// for byte, once the text is UTF-8 that is not compressed.
//
// Errors: those of Column; a column of words; tags or notes that are not as many as the tokens, or that the columns cannot hold;
// those of w.
func (t *ColumnText) Tagged(w io.Writer, column string, tags [][]string, notes [][][]string) error {
	at, notesAt := map[int]string{}, map[int][]string{}
	if len(tags) != len(t.sentences) {
		return fmt.Errorf("there are tags of %d sentences; the text has %d", len(tags), len(t.sentences))
	}
	if notes != nil && len(notes) != len(tags) {
		return fmt.Errorf("there are notes of %d sentences; the text has %d", len(notes), len(tags))
	}
	for i, lines := range t.sentences {
		if len(tags[i]) != len(lines) {
			return fmt.Errorf("sentence %d has %d tags; it has %d tokens", i+1, len(tags[i]), len(lines))
		}
		if notes != nil && len(notes[i]) != len(lines) {
			return fmt.Errorf("sentence %d has notes of %d tokens; it has %d", i+1, len(notes[i]), len(lines))
		}
		for j, n := range lines {
			if tag := tags[i][j]; !t.holds(tag) {
				return fmt.Errorf("line %d: the tag %q cannot stand in a column", n+1, excerpt.Of(tag))
			}
			at[n] = tags[i][j]
			if notes == nil {
				continue
			}
			for _, note := range notes[i][j] {
				if !t.holds(note) || t.conllu && strings.ContainsAny(note, "| ") {
					return fmt.Errorf("line %d: the note %q cannot stand in a column", n+1, excerpt.Of(note))
				}
			}
			notesAt[n] = notes[i][j]
		}
	}
	c := 0
	if len(t.sentences) > 0 {
		var err error
		if c, err = t.tagColumn(column); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(w)
	for n, line := range t.lines {
		if tag, ok := at[n]; ok {
			line = t.noted(t.replaced(line, c, tag), notesAt[n])
		}
		out.WriteString(line)
	}
	return out.Flush()
}

// holds reports whether a column can have a value.
func (t *ColumnText) holds(value string) bool {
	return value != "" && !strings.ContainsAny(value, "\t\r\n") && (t.tabs || !strings.Contains(value, " "))
}

// noted returns a line with notes.
func (t *ColumnText) noted(line string, notes []string) string {
	if len(notes) == 0 {
		return line
	}
	spans := t.spans(trimEnd(line))
	if !t.conllu {
		for _, note := range notes {
			line = t.replaced(line, len(spans), note)
			spans = t.spans(trimEnd(line))
		}
		return line
	}
	misc := spans[len(spans)-1]
	if old := line[misc.from:misc.to]; old != "_" && old != "" {
		notes = slices.Concat([]string{old}, notes)
	}
	return t.replaced(line, len(spans)-1, strings.Join(notes, "|"))
}

// replaced returns a line with another value in a column, or with that column added.
func (t *ColumnText) replaced(line string, column int, value string) string {
	spans := t.spans(trimEnd(line))
	if column < len(spans) {
		s := spans[column]
		return line[:s.from] + value + line[s.to:]
	}
	separator := " "
	if t.tabs || len(spans) == 1 {
		separator = "\t"
	}
	end := spans[len(spans)-1].to
	return line[:end] + separator + value + line[end:]
}
