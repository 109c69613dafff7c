package audio

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// Interval is a word, and when it is said, in seconds.
type Interval struct {
	Word       string
	Start, End float64
}

// Times reads when words are said: the CSV file at path, whose header names the columns path,
// word, start and end, in any order, then one word a line, the words of a recording in their
// order. Further columns are skipped, and the file may be compressed by gzip, in UTF-8 or UTF-16. The paths are as [Manifest] has them.
//
// Errors name the line: a header without one of the names or with one of them twice, a line with another number of
// fields, an end before its start, times that are no numbers from 0 on.
// Source: [rfc4180].
func Times(path string) (map[string][]Interval, error) {
	f, err := plaintext.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	all, err := parseTimes(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// parseTimes reads the times of words of recordings that lie in a folder.
func parseTimes(r io.Reader, folder string) (map[string][]Interval, error) {
	all := map[string][]Interval{}
	t := table{what: "the file", required: []string{"path", "word", "start", "end"}}
	err := t.read(r, func(fields []string, _ int) error {
		one, err := interval(fields[1], fields[2], fields[3])
		if err != nil {
			return err
		}
		path := beside(folder, fields[0])
		all[path] = append(all[path], one)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func interval(word, start, end string) (Interval, error) {
	v := Interval{Word: word}
	var errs [2]error
	v.Start, errs[0] = strconv.ParseFloat(start, 64)
	v.End, errs[1] = strconv.ParseFloat(end, 64)
	if errors.Join(errs[:]...) != nil || !(v.Start >= 0 && v.Start <= v.End && v.End < math.Inf(1)) {
		return v, fmt.Errorf("%q is from %q to %q; these must be seconds, the end not before the start", excerpt.Of(word), excerpt.Of(start), excerpt.Of(end))
	}
	return v, nil
}
