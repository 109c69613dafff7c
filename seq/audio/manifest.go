package audio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Utterance is a recording and what is said in it: a line of a manifest.
type Utterance struct {
	Path  string // of the WAV file
	Text  string // what is said; empty for silence
	Voice string // who says it; empty where the manifest does not tell
	Line  int    // in the manifest, from 1
}

// Manifest reads the CSV file at path: a header that names the columns path, text and,
// where there is one, voice, in any order, then one utterance a line. Further columns
// are skipped. Paths that are not absolute begin at the manifest's folder.
//
// Errors name the line: a header without path or text or with one of the names twice,
// a line with another number of fields, an empty path, text that is not UTF-8. Whether
// the recordings are there is not looked at.
// Source: [rfc4180].
func Manifest(path string) ([]Utterance, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	all, err := parseManifest(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// parseManifest reads a manifest that lies in a folder.
func parseManifest(r io.Reader, folder string) (all []Utterance, err error) {
	t := table{what: "the manifest", required: []string{"path", "text"}, optional: []string{"voice"}}
	err = t.read(r, func(fields []string, line int) error {
		u := Utterance{Path: fields[0], Text: fields[1], Voice: fields[2], Line: line}
		if err := u.check(); err != nil {
			return err
		}
		u.Path = beside(folder, u.Path)
		all = append(all, u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (u *Utterance) check() error {
	switch {
	case u.Path == "":
		return errors.New("the path is empty")
	case strings.ContainsRune(u.Path, 0):
		return fmt.Errorf("the path %q has a zero byte", excerpt.Of(u.Path))
	case !utf8.ValidString(u.Text):
		return fmt.Errorf("the text %q is not UTF-8", excerpt.Of(u.Text))
	}
	return nil
}
