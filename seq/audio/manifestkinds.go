package audio

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// eachLine calls take with the lines of a text that are not empty. Errors name the line.
func eachLine(r io.Reader, take func(line string, at int) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	n := 0
	for s.Scan() {
		n++
		line := s.Text()
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := take(line, n); err != nil {
			return fmt.Errorf("audio: line %d: %w", n, err)
		}
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("audio: line %d has more than %d bytes", n+1, maxLine)
	case err != nil:
		return fmt.Errorf("audio: %w", err)
	}
	return nil
}

// nemo reads JSON lines. Further keys are skipped.
func nemo(r io.Reader, folder string) (all []Utterance, err error) {
	err = eachLine(r, func(line string, at int) error {
		var v struct {
			Path     *string `json:"audio_filepath"`
			Text     *string `json:"text"`
			Duration float64 `json:"duration"`
			Offset   float64 `json:"offset"`
			Speaker  any     `json:"speaker"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return excerpt.Error(err)
		}
		named := map[string]*string{"audio_filepath": v.Path, "text": v.Text}
		for _, key := range slices.Sorted(maps.Keys(named)) {
			value := named[key]
			if value == nil {
				return fmt.Errorf("it has no %s", key)
			}
		}
		u := Utterance{Path: *v.Path, Text: *v.Text, Start: v.Offset, Duration: v.Duration, Line: at}
		if v.Speaker != nil {
			u.Voice = fmt.Sprint(v.Speaker)
		}
		if err := u.check(); err != nil {
			return err
		}
		u.Path = beside(folder, u.Path)
		all = append(all, u)
		return nil
	})
	return all, err
}

// commonVoice reads fields between tabs, which have no quotes.
func commonVoice(r io.Reader, folder string) (all []Utterance, err error) {
	var head []string
	columns := table{what: "the manifest", required: []string{"path", "sentence"}, optional: []string{"client_id"}}
	var places []int
	err = eachLine(r, func(line string, at int) error {
		fields := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		if head == nil {
			head = fields
			var err error
			places, err = columns.columns(head)
			return err
		}
		if len(fields) != len(head) {
			return fmt.Errorf("it has %d fields; the header has %d", len(fields), len(head))
		}
		u := Utterance{Path: fields[places[0]], Text: fields[places[1]], Line: at}
		if places[2] >= 0 {
			u.Voice = fields[places[2]]
		}
		if err := u.check(); err != nil {
			return err
		}
		if clips := filepath.Join(folder, "clips"); isDir(clips) {
			u.Path = beside(clips, u.Path)
		} else {
			u.Path = beside(folder, u.Path)
		}
		all = append(all, u)
		return nil
	})
	return all, err
}

// ljSpeech reads lines of an id and one or two texts.
func ljSpeech(r io.Reader, folder string) (all []Utterance, err error) {
	err = eachLine(r, func(line string, at int) error {
		fields := strings.Split(strings.TrimSuffix(line, "\r"), "|")
		if len(fields) < 2 || len(fields) > 3 {
			return fmt.Errorf("it has %d fields between |; it must have an id and one or two texts", len(fields))
		}
		u := Utterance{Name: fields[0], Text: fields[len(fields)-1], Line: at}
		if u.Text == "" {
			u.Text = fields[1]
		}
		if u.Name == "" {
			return errors.New("the id is empty")
		}
		u.Path = u.Name
		if err := u.check(); err != nil {
			return err
		}
		u.Path = soundFile(beside(filepath.Join(folder, "wavs"), u.Name), beside(folder, u.Name))
		all = append(all, u)
		return nil
	})
	return all, err
}

// soundFile is the first file that is there of names with the ends that recordings have; where none is, the first name as a WAV file.
func soundFile(names ...string) string {
	for _, name := range names {
		for _, end := range []string{"", ".wav", ".flac", ".mp3", ".ogg", ".opus"} {
			if info, err := os.Stat(name + end); err == nil && info.Mode().IsRegular() {
				return name + end
			}
		}
	}
	return names[0] + ".wav"
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// folderManifest reads a folder of Kaldi, LJSpeech or LibriSpeech.
func folderManifest(folder string) ([]Utterance, error) {
	if _, err := os.Stat(filepath.Join(folder, "wav.scp")); err == nil {
		return kaldi(folder)
	}
	if path := filepath.Join(folder, "metadata.csv"); soundFile(path) == path {
		return fileManifest(path)
	}
	return libriSpeech(folder)
}

// libriSpeech reads the files ….trans.txt in a folder, at any depth: lines of a name and a text. The recording has the name.
func libriSpeech(folder string) (all []Utterance, err error) {
	transcript := "" // one of them
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("audio: %w", err)
		}
		if d.IsDir() || !strings.HasSuffix(path, ".trans.txt") {
			return nil
		}
		transcript = path
		return keyed(path, func(name, text string, at int) error {
			voice, _, _ := strings.Cut(name, "-")
			u := Utterance{Path: name, Text: text, Voice: voice, Name: name, File: path, Line: at}
			if err := u.check(); err != nil {
				return err
			}
			u.Path = soundFile(filepath.Join(filepath.Dir(path), name))
			all = append(all, u)
			return nil
		})
	})
	if err == nil && len(all) == 0 && transcript != "" {
		return nil, fmt.Errorf("audio: %s names no recordings", transcript)
	}
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("audio: the folder %s is no manifest: it has no wav.scp (Kaldi), metadata.csv (LJSpeech) or ….trans.txt (LibriSpeech)", folder)
	}
	return all, err
}

// keyed reads a file of lines that begin with a name. Errors name the file and the line.
func keyed(path string, take func(name, rest string, at int) error) error {
	f, err := plaintext.Open(path)
	if err != nil {
		return fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	err = eachLine(f, func(line string, at int) error {
		line = strings.TrimSpace(line)
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		return take(line[:end], strings.TrimSpace(line[end:]), at)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// kaldi reads a folder of Kaldi: wav.scp has the recordings' paths, segments the parts that utterances are of them, and text what is said.
func kaldi(folder string) (all []Utterance, err error) {
	paths, err := kaldiPaths(folder)
	if err != nil {
		return nil, err
	}
	voices := map[string]string{}
	if err := optional(keyed(filepath.Join(folder, "utt2spk"), func(name, voice string, _ int) error {
		voices[name] = voice
		return nil
	})); err != nil {
		return nil, err
	}
	parts, err := kaldiSegments(folder, paths)
	if err != nil {
		return nil, err
	}
	file, said := filepath.Join(folder, "text"), map[string]bool{}
	err = keyed(file, func(name, text string, at int) error {
		u, ok := parts[name]
		switch {
		case !ok:
			return fmt.Errorf("the utterance %q is not in wav.scp or segments", excerpt.Of(name))
		case said[name]:
			return fmt.Errorf("the utterance %q is there twice", excerpt.Of(name))
		}
		said[name] = true
		u.Text, u.Name, u.Voice, u.File, u.Line = text, name, voices[name], file, at
		all = append(all, u)
		return u.check()
	})
	return all, err
}

// optional leaves out the error of a file that is not there.
func optional(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// kaldiPaths reads wav.scp.
func kaldiPaths(folder string) (map[string]string, error) {
	paths := map[string]string{}
	err := keyed(filepath.Join(folder, "wav.scp"), func(name, path string, _ int) error {
		switch _, twice := paths[name]; {
		case twice:
			return fmt.Errorf("the recording %q is there twice", excerpt.Of(name))
		case path == "":
			return fmt.Errorf("the recording %q has no path", excerpt.Of(name))
		case strings.HasSuffix(path, "|") || strings.HasPrefix(path, "|"):
			return fmt.Errorf("the recording %q is the command %q, which is not run: write what it gives to a file, and name that", excerpt.Of(name), excerpt.Of(path))
		}
		if _, offset, ok := strings.Cut(filepath.Base(path), ".ark:"); ok {
			return fmt.Errorf("the recording %q is at %q of an archive, which is not read: write it to a file, and name that", excerpt.Of(name), excerpt.Of(offset))
		}
		u := Utterance{Path: path}
		paths[name] = beside(folder, path)
		return u.check()
	})
	return paths, err
}

// kaldiSegments reads what part of what recording an utterance is; without the file segments, an utterance is the recording of its name.
func kaldiSegments(folder string, paths map[string]string) (map[string]Utterance, error) {
	parts := map[string]Utterance{}
	err := keyed(filepath.Join(folder, "segments"), func(name, rest string, _ int) error {
		if _, twice := parts[name]; twice {
			return fmt.Errorf("the utterance %q is there twice", excerpt.Of(name))
		}
		fields := strings.Fields(rest)
		if len(fields) != 3 {
			return fmt.Errorf("it has %d fields; it must have four: the utterance, the recording, the start and the end", 1+len(fields))
		}
		path, ok := paths[fields[0]]
		if !ok {
			return fmt.Errorf("the recording %q is not in wav.scp", excerpt.Of(fields[0]))
		}
		start, err1 := strconv.ParseFloat(fields[1], 64)
		end, err2 := strconv.ParseFloat(fields[2], 64)
		if errors.Join(err1, err2) != nil || !(start >= 0 && end < maxSeconds) || end <= start && end >= 0 {
			return fmt.Errorf("the utterance %q is from %q to %q; these must be seconds, the end behind the start", excerpt.Of(name), excerpt.Of(fields[1]), excerpt.Of(fields[2]))
		}
		u := Utterance{Path: path, Start: start}
		if end > 0 { // −1 is the recording's end
			u.Duration = end - start
		}
		parts[name] = u
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		for name, path := range paths {
			parts[name] = Utterance{Path: path}
		}
		return parts, nil
	}
	return parts, err
}

// A Loader reads the recordings of utterances. It keeps the last one of which an utterance was a part, as the next may be another. It is for one goroutine.
type Loader struct {
	Channels Channels // that are read
	path     string
	last     []Recording
}

// Load reads what an utterance is of its recording.
//
// Errors: those of [ReadChannels]; a start behind the recording's end.
func (l *Loader) Load(u Utterance) ([]Recording, error) {
	whole := u.Start == 0 && u.Duration == 0
	if l.path != u.Path || l.last == nil {
		l.last = nil // before another is read, which may be as long
		all, err := ReadChannels(u.Path, l.Channels)
		if err != nil || whole {
			return all, err
		}
		l.path, l.last = u.Path, all
	}
	if whole {
		return slices.Clone(l.last), nil
	}
	all := slices.Clone(l.last)
	for i := range all {
		if err := all[i].cut(u.Start, u.Duration); err != nil {
			return nil, fmt.Errorf("%s: %w", u.Path, err)
		}
	}
	return all, nil
}

// slack is how many seconds a part may end behind its recording without a warning: durations are rounded.
const slack = 0.1

// cut leaves a part of a recording.
func (r *Recording) cut(start, duration float64) error {
	n, rate := float64(len(r.Samples)), float64(r.Rate)
	lo, hi := start*rate, n
	if duration > 0 {
		hi = (start + duration) * rate
	}
	if lo >= n {
		return fmt.Errorf("audio: the utterance begins at %.2f seconds; the recording has %.2f", start, n/rate)
	}
	if hi > n+slack*rate {
		r.Warning = fmt.Sprintf("the recording ends after %.2f seconds, before the utterance does, at %.2f", n/rate, hi/rate)
	} else if hi < n {
		r.Warning = ""
	}
	r.Samples = r.Samples[int(lo+0.5):min(int(hi+0.5), len(r.Samples))]
	return nil
}
