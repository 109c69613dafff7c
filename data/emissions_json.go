package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

func parseJSONEmissions(r io.Reader) (Emissions, error) {
	text, err := plaintext.NewReader(r)
	if err != nil {
		return Emissions{}, err
	}
	j := jsonFrames{r: bufio.NewReader(text), line: 1}
	err = j.all()
	switch {
	case err != nil:
		err = fmt.Errorf("line %d: %w", j.line, err)
	case j.Frames == 0:
		err = errors.New("there are no frames")
	}
	return j.Emissions, err
}

// jsonFrames reads frames a number at a time, and holds nothing but the numbers.
type jsonFrames struct {
	Emissions
	r    *bufio.Reader
	line int
	word []byte
}

// all reads frames and arrays of frames to the end.
func (j *jsonFrames) all() error {
	for {
		switch err := j.open(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		switch err := j.array(); {
		case err == io.EOF:
			return fmt.Errorf("the file ends within frame %d", j.Frames)
		case err != nil:
			return err
		}
	}
}

// array reads a frame, or an array of them, behind the first [.
func (j *jsonFrames) array() error {
	first, err := j.next()
	if err != nil {
		return err
	}
	if first != '[' {
		_ = j.r.UnreadByte()
		return j.frame()
	}
	for {
		if err := j.frame(); err != nil {
			return err
		}
		if more, err := j.more(); err != nil || !more {
			return err
		}
		if err := j.open(); err != nil {
			return err
		}
	}
}

// frame reads a frame behind its [.
func (j *jsonFrames) frame() error {
	n := 0
	for more := true; more; n++ {
		v, err := j.number(n)
		if err != nil {
			return err
		}
		if j.Values = append(j.Values, v); len(j.Values) > maxEmissions {
			return fmt.Errorf("there may be at most %d numbers", maxEmissions)
		}
		if more, err = j.more(); err != nil {
			return err
		}
	}
	if j.Frames == 0 {
		j.Classes = n
	}
	if n != j.Classes {
		return fmt.Errorf("frame %d has %d numbers; it must have %d", j.Frames, n, j.Classes)
	}
	j.Frames++
	return nil
}

// number reads that of a class.
func (j *jsonFrames) number(class int) (float32, error) {
	c, err := j.next()
	for j.word = j.word[:0]; err == nil && len(j.word) < maxJSONWord && strings.IndexByte("[]{}:, \t\r\n", c) < 0; c, err = j.r.ReadByte() {
		j.word = append(j.word, c)
	}
	if err != nil {
		return 0, err
	}
	_ = j.r.UnreadByte()
	switch string(j.word) {
	case "null", `"-Infinity"`, `"-inf"`, "-Infinity":
		return float32(math.Inf(-1)), nil
	}
	v, err := strconv.ParseFloat(string(j.word), 32)
	if errors.Is(err, strconv.ErrRange) && v < 0 {
		err = nil
	}
	if err != nil || len(bytes.Trim(j.word, "+-.eE0123456789")) > 0 {
		return 0, fmt.Errorf("frame %d, class %d is %q; it must be a number up to %.2g, or null for −∞", j.Frames, class, excerpt.Of(j.word), math.MaxFloat32)
	}
	return float32(v), nil
}

// open reads the [ that an array begins with.
func (j *jsonFrames) open() error {
	c, err := j.next()
	if err == nil && c != '[' {
		err = fmt.Errorf("behind %d frames there is %q; it must be [, which begins a frame", j.Frames, c)
	}
	return err
}

// more reads what is behind an element, and reports whether there is another.
func (j *jsonFrames) more() (bool, error) {
	c, err := j.next()
	if err == nil && c != ',' && c != ']' {
		err = fmt.Errorf("frame %d: there is %q behind an element; it must be a comma or ]", j.Frames, c)
	}
	return c == ',', err
}

// next returns the next byte that is no white space.
func (j *jsonFrames) next() (byte, error) {
	for {
		c, err := j.r.ReadByte()
		switch {
		case c == '\n':
			j.line++
		case err != nil || c != ' ' && c != '\t' && c != '\r':
			return c, err
		}
	}
}
