package studio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/serve/wire"
)

// notesFile is where a run's note and tags are kept. A notes.json is the job's own (job.NotesFile).
const notesFile = "annotation.json"

// notes are what people say of a run.
type notes struct {
	Note string   `json:"note"`
	Tags []string `json:"tags"`
}

// Bounds of what people say.
const (
	noteMost = 16 << 10 // bytes
	tagsMost = 50
	tagMost  = 60 // bytes
)

// smallMost bounds the files of a run that are read whole.
const smallMost = 4 << 20

// readSmall reads a file that is not large.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, smallMost+1))
	if err == nil && len(text) > smallMost {
		err = fmt.Errorf("%s has more than %d bytes", filepath.Base(path), smallMost)
	}
	return text, err
}

// check refuses notes that are too long.
func (n *notes) check() error {
	if len(n.Note) > noteMost || !utf8.ValidString(n.Note) {
		return wire.Invalid("note", "note has %d bytes; it must be at most %d of UTF-8", len(n.Note), noteMost)
	}
	if len(n.Tags) > tagsMost {
		return wire.Invalid("tags", "tags has %d elements; at most %d are allowed", len(n.Tags), tagsMost)
	}
	for i, tag := range n.Tags {
		if tag == "" || len(tag) > tagMost || strings.TrimSpace(tag) != tag || strings.ContainsFunc(tag, func(r rune) bool { return unicode.IsControl(r) || r == ',' || r == utf8.RuneError }) {
			return wire.Invalid("tags", "tags[%d] is %.80q; a tag has from 1 to %d bytes, no comma and no space around it", i, tag, tagMost)
		}
	}
	return nil
}

// parseNotes reads the text of such a file.
func parseNotes(text []byte) (n notes, err error) {
	if err = json.Unmarshal(text, &n); err == nil {
		err = n.check()
	}
	if err != nil {
		return notes{}, fmt.Errorf("%s: %w", notesFile, err)
	}
	return n, nil
}

// annotations reads the note and the tags of a run.
func (r *summary) annotations(dir string) {
	text, err := readSmall(filepath.Join(dir, notesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var n notes
	if err == nil {
		n, err = parseNotes(text)
	}
	if err != nil {
		r.Notes = append(r.Notes, err.Error())
		return
	}
	r.Note = n.Note
	r.Tags = append(r.Tags, n.Tags...)
}

// annotate keeps a note and tags beside a run.
func (s *service) annotate(w http.ResponseWriter, r *http.Request) error {
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return err
	}
	body, err := wire.Read(r)
	if err != nil {
		return err
	}
	n := notes{Tags: []string{}}
	if err := wire.Decode(body.JSON, wire.Object(map[string]wire.Reader{"note": wire.Text(&n.Note), "tags": wire.Texts(&n.Tags, tagsMost)})); err != nil {
		return err
	}
	if err := n.check(); err != nil {
		return err
	}
	if err := card.Write(filepath.Join(dir, notesFile), n); err != nil {
		return err
	}
	s.roster.forget()
	wire.WriteJSON(w, http.StatusOK, n)
	return nil
}
