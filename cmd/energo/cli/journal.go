package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/seq/ctc"
)

// A journal is a file beside those of --out, of what a command has done. It is JSON lines: what the command does, then a line for each of its files
// once what is written for it is whole. With it, an interrupted command is resumed and says all that one says that is not interrupted.
type journal struct {
	path  string
	file  *os.File
	end   int64           // of what is written
	done  map[string]line // the files, by their keys
	heard []wasHeard      // of the file that is being done
}

// A line is a place in the journal.
type line struct {
	from   int64
	length int
}

// A journalEntry is what was done of a file.
type journalEntry struct {
	Key   string     `json:"key"`
	File  string     `json:"file"` // for people
	Heard []wasHeard `json:"heard"`
}

// wasHeard is what was said of a recording, of one channel of it, or of one of several in a file.
type wasHeard struct {
	Path       string            `json:"path"`
	Name       string            `json:"name"`
	Stem       string            `json:"stem"`
	Several    bool              `json:"several,omitempty"`
	Timeline   *ctc.Timeline     `json:"timeline,omitempty"`
	Transcript *transcript       `json:"transcript,omitempty"`
	Wrote      map[string]string `json:"wrote"` // the sums of the files that are of this alone, by their paths
}

// of is the recording again, without its sound.
func (w wasHeard) of(f spokenFile) heard {
	f.path = w.Path
	return heard{spokenFile: f, name: w.Name, stem: w.Stem, several: w.Several}
}

// journalPath is where the journal is of a command with some --out: "aligned/%.vtt" has aligned/.all.vtt.resume. It is "" where there can be none.
func journalPath(outs []string) string {
	for _, out := range outs {
		if wholefile.Straight(out) {
			return ""
		}
	}
	if len(outs) == 0 {
		return ""
	}
	before, _, _ := strings.Cut(outs[0], "%")
	folder := filepath.Dir(before + "x")
	rest := strings.TrimLeft(strings.TrimPrefix(filepath.Clean(outs[0]), folder), `/\`)
	return filepath.Join(folder, "."+strings.NewReplacer("%", "all", "/", "_", `\`, "_").Replace(rest)+".resume")
}

// openJournal begins a journal of what a command does, or with resume takes up the one that is there.
func openJournal(path string, does doing, resume bool) (*journal, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, file: f, done: map[string]line{}}
	if free, err := flock.Try(f, false); err != nil || !free {
		return nil, errors.Join(fmt.Errorf("%s: another energo writes these files now", shown(path)), err, f.Close())
	}
	if resume {
		err = j.load(does)
	}
	if err == nil {
		err = f.Truncate(j.end)
	}
	if err == nil && j.end == 0 {
		err = j.write(does)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// load reads what was done, up to a line that a kill has cut off.
func (j *journal) load(does doing) error {
	r := bufio.NewReader(j.file)
	for n := 1; ; n++ {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 1 {
			err = does.same(text)
		} else {
			var e journalEntry
			if err = strictly(text, &e); err == nil {
				j.done[e.Key] = line{j.end, len(text)}
			}
		}
		if err != nil {
			return fmt.Errorf("--resume: %s, line %d: %w; without --resume, all files are done again", shown(j.path), n, err)
		}
		j.end += int64(len(text))
	}
}

// strictly reads an object of JSON that has no other keys.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// write appends a line.
func (j *journal) write(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if _, err := j.file.WriteAt(text, j.end); err != nil {
		return err
	}
	j.end += int64(len(text))
	return j.file.Sync()
}

// close ends the journal.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}

// do does a file, or says again what was said of it where it is done. A file that fails is not noted.
func (j *journal) do(f spokenFile, fresh func(f spokenFile) error, again func(f spokenFile, h wasHeard) error) (err error) {
	if j == nil {
		return fresh(f)
	}
	key := keyOf(f)
	if before, ok := j.whole(key); ok {
		for _, h := range before {
			err = errors.Join(err, again(f, h))
		}
		return err
	}
	j.heard = nil
	err = fresh(f)
	if key == "" || !isWhole(err) {
		return err
	}
	return errors.Join(err, j.write(journalEntry{key, f.path, j.heard}))
}

// isWhole reports whether a file is done with an error, which is of doubts alone.
func isWhole(err error) bool {
	switch e := err.(type) {
	case nil, doubtful:
		return true
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !isWhole(err) })
	}
	return false
}

// note keeps what was said of a recording, and the files that were written for it.
func (j *journal) note(h heard, t *ctc.Timeline, text *transcript, wrote []string) error {
	if j == nil {
		return nil
	}
	w := wasHeard{Path: h.path, Name: h.name, Stem: h.stem, Several: h.several, Timeline: t, Transcript: text, Wrote: map[string]string{}}
	for _, path := range wrote {
		sum, err := fileSum(path)
		if err != nil {
			return err
		}
		w.Wrote[path] = sum
	}
	j.heard = append(j.heard, w)
	return nil
}

// whole returns what was said of a file, if its files are as they were written.
func (j *journal) whole(key string) ([]wasHeard, bool) {
	at, ok := j.done[key]
	if !ok {
		return nil, false
	}
	text := make([]byte, at.length)
	if _, err := j.file.ReadAt(text, at.from); err != nil {
		return nil, false
	}
	var e journalEntry
	if err := strictly(text, &e); err != nil {
		return nil, false
	}
	for _, h := range e.Heard {
		for path, sum := range h.Wrote {
			if now, err := fileSum(path); err != nil || now != sum {
				return nil, false
			}
		}
	}
	return e.Heard, true
}

// keyOf tells a file from others, and from itself before it was changed. It is "" for one that cannot be told, such as stdin.
func keyOf(f spokenFile) string {
	info, err := os.Stat(f.path)
	if err != nil || !info.Mode().IsRegular() || !utf8.ValidString(f.path+f.stem) {
		return ""
	}
	key := []any{f.path, f.stem, info.Size(), info.ModTime().UnixNano(), f.text}
	if f.part != nil {
		key = append(key, f.part.Name, f.part.Start, f.part.Duration)
	}
	text, err := json.Marshal(key)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// fileSum is a checksum of a file.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}
