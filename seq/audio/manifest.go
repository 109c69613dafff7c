package audio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// Utterance is a recording, or a part of one, and what is said in it: a line of a manifest.
type Utterance struct {
	Path  string // of the recording
	Text  string // what is said; empty for silence
	Voice string // who says it; empty where the manifest does not tell
	Name  string // of the utterance; empty where the manifest has none

	Start, Duration float64 // seconds of the recording; a duration of 0 is up to the end

	File string // that the line is in
	Line int    // in the file, from 1
}

// Manifest reads a list of recordings and texts, whose kind it knows by the content:
//
//	CSV            a header that names the columns path, text and, where there is one, voice, in any order; further columns are skipped
//	JSON lines     of NeMo: audio_filepath, text and, where there are, duration, offset and speaker
//	TSV            of Common Voice: a header with path and sentence; the recordings are in the folder clips beside it
//	id|text|text   of LJSpeech: the second text is the normalised one, and taken where there is one; the recordings are in the folder wavs
//	a folder       with Kaldi's wav.scp, text and, where there are, segments and utt2spk; with LibriSpeech's ….trans.txt, at any depth; or with
//	               LJSpeech's metadata.csv
//
// The files may be compressed by gzip, in UTF-8 or UTF-16. Paths that are not absolute begin at the manifest's folder.
//
// Errors name the file, the line and the field: a column, key or file that is missing; a line with another number of fields; an empty path;
// text that is not UTF-8; times that are not in order; a recording that is a command, as Kaldi's may be. Whether the recordings are there is not
// looked at.
// Source: [rfc4180].
func Manifest(path string) ([]Utterance, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	if info.IsDir() {
		return folderManifest(path)
	}
	if filepath.Base(path) == "wav.scp" {
		return folderManifest(filepath.Dir(path))
	}
	return fileManifest(path)
}

// fileManifest reads a manifest that is one file.
func fileManifest(path string) ([]Utterance, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	all, err := parseManifest(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range all {
		all[i].File = path
	}
	return all, nil
}

// maxLine bounds a line of a manifest, in bytes.
const maxLine = 1 << 20

// parseManifest reads a manifest that lies in a folder.
func parseManifest(r io.Reader, folder string) ([]Utterance, error) {
	text, err := plaintext.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	br := bufio.NewReaderSize(text, 1<<16)
	head, _ := br.Peek(1 << 16)
	first, _, _ := strings.Cut(strings.TrimSpace(string(head)), "\n")
	switch {
	case strings.HasPrefix(first, "{"):
		return nemo(br, folder)
	case strings.Contains(first, "\t"):
		return commonVoice(br, folder)
	case strings.Contains(first, "|") && !slices.Contains(strings.Split(first, ","), "path"):
		return ljSpeech(br, folder)
	}
	return parseCSV(br, folder)
}

// parseCSV reads a CSV file.
func parseCSV(r io.Reader, folder string) (all []Utterance, err error) {
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

// maxSeconds bounds times.
const maxSeconds = 1e9

func (u *Utterance) check() error {
	switch {
	case u.Path == "":
		return errors.New("the path is empty")
	case strings.ContainsRune(u.Path, 0):
		return fmt.Errorf("the path %q has a zero byte", excerpt.Of(u.Path))
	case !(u.Start >= 0 && u.Start < maxSeconds):
		return fmt.Errorf("it begins at %v seconds; it must begin from 0 on", u.Start)
	case !(u.Duration >= 0 && u.Duration < maxSeconds):
		return fmt.Errorf("it lasts %v seconds; that must be above 0", u.Duration)
	}
	return nil
}
