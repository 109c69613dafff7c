package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Sentence is words with a tag each.
type Sentence struct {
	Words, Tags []string
}

// TaggedFile is a file of tagged text.
type TaggedFile struct {
	Name      string
	Sentences []Sentence
	Weights   []float64 // of the sentences, where training counts them otherwise than once
}

// Bounds of tagged text.
const (
	maxTaggedLine = 1 << 20 // bytes
	maxTaggedFile = 1 << 30
)

// ReadTagged reads tagged text: tokens word/TAG separated by blanks, a sentence a line;
// lines of blanks alone are passed over. The last slash of a token is the one between
// word and tag. That is the Brown corpus's format, too. Errors name the line.
func ReadTagged(r io.Reader) ([]Sentence, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxTaggedFile+1))
	lines.Buffer(nil, maxTaggedLine)
	names := map[string]string{} // one string for each word and tag
	var all []Sentence
	size, n := 0, 0
	for lines.Scan() {
		n++
		if size += len(lines.Bytes()) + 1; size > maxTaggedFile {
			return nil, fmt.Errorf("line %d: there are more than %d bytes", n, maxTaggedFile)
		}
		s, err := taggedLine(lines.Bytes(), names)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if len(s.Words) > 0 {
			all = append(all, s)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d: it has more than %d bytes; a line holds one sentence", n+1, maxTaggedLine)
	}
	return all, lines.Err()
}

func taggedLine(line []byte, names map[string]string) (s Sentence, err error) {
	if !utf8.Valid(line) {
		return s, errors.New("it is not UTF-8")
	}
	for i, token := range bytes.Fields(line) {
		cut := bytes.LastIndexByte(token, '/')
		if cut < 1 || cut == len(token)-1 {
			return s, fmt.Errorf("token %d is %q; it must be word/TAG", i+1, excerpt.Of(token))
		}
		s.Words = append(s.Words, interned(names, token[:cut]))
		s.Tags = append(s.Tags, interned(names, token[cut+1:]))
	}
	return s, nil
}

func interned(names map[string]string, b []byte) string {
	s, ok := names[string(b)]
	if !ok {
		s = string(b)
		names[s] = s
	}
	return s
}

// LoadTagged reads the tagged files of a folder, by name. Where it has a cats.txt, as the
// Brown corpus of NLTK, the files are those that its lines begin with; else all but
// hidden ones and folders. Errors name file and line.
func LoadTagged(dir string) ([]TaggedFile, error) {
	names, err := taggedNames(dir)
	if err != nil {
		return nil, err
	}
	var all []TaggedFile
	for _, name := range names {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if err != nil {
			return nil, excerpt.Error(err)
		}
		sentences, err := ReadTagged(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", excerpt.Of(path), err)
		}
		all = append(all, TaggedFile{Name: name, Sentences: sentences})
	}
	return all, nil
}

func taggedNames(dir string) (names []string, err error) {
	const list = "cats.txt"
	text, err := os.ReadFile(filepath.Join(dir, list))
	if err == nil {
		for i, line := range strings.Split(string(text), "\n") {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if name == "" {
				continue
			}
			if !filepath.IsLocal(name) {
				return nil, fmt.Errorf("%s: line %d: %q is no file of the folder", filepath.Join(dir, list), i+1, excerpt.Of(name))
			}
			names = append(names, name)
		}
		return names, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// SplitFiles divides files into two parts at random, whole files each, so that no text is
// in both; the second has the given share of the files, but at least one. Both keep the
// files' order.
func SplitFiles(files []TaggedFile, share float64, rng *rand.Rand) (rest, part []TaggedFile, err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("the share to split off is %v; it must be above 0 and below 1", share)
	}
	if len(files) < 2 {
		return nil, nil, fmt.Errorf("there are %d files of tagged text; to divide them by file takes at least 2", len(files))
	}
	n := min(max(1, int(share*float64(len(files))+0.5)), len(files)-1)
	chosen := map[int]bool{}
	for _, i := range rng.Perm(len(files))[:n] {
		chosen[i] = true
	}
	for i, f := range files {
		if chosen[i] {
			part = append(part, f)
		} else {
			rest = append(rest, f)
		}
	}
	return rest, part, nil
}

// BaseTag returns a tag of the Brown corpus without what says where its word stands, not
// what it is: -TL (in a title), -HL (in a headline), -NC (cited), and the FW- before a
// foreign word's. Tags joined by + (contractions) and with * (negations) stay. In either case of letters;
// tags that are nothing else stay as they are. Source: [francis1979].
func BaseTag(tag string) string {
	base := tag
	for {
		cut := len(base) - len("-tl")
		if cut < 1 || !isMark(base[cut:]) {
			break
		}
		base = base[:cut]
	}
	if len(base) > len("fw-") && strings.EqualFold(base[:len("fw-")], "fw-") {
		base = base[len("fw-"):]
	}
	return base
}

func isMark(s string) bool {
	return strings.EqualFold(s, "-tl") || strings.EqualFold(s, "-hl") || strings.EqualFold(s, "-nc")
}
