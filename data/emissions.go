package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/npy"
)

// Emissions are what a network says of the classes of each frame: log-probabilities, or
// logits, whatever system made them.
type Emissions struct {
	Values          []float32 // [Frames][Classes]
	Frames, Classes int
}

// Bounds of files of emissions.
const (
	maxEmissions = 1 << 28 // numbers
	maxJSONWord  = 64      // bytes of a number
)

// ReadEmissions reads a file by the end of its name:
//
//	.npy          float32 or float64, C order, [T, C] or [1, T, C]
//	.safetensors  the tensor called emissions, log_probs or logits, or the only one, of such a shape
//	.pt .pth      the same of a file of PyTorch's torch.save
//	.json .jsonl  an array of C numbers for each frame, one after the other or all in an array
//
// In JSON −∞ is null, "-Infinity", "-inf", or -Infinity without quotes, as Python writes it. Where the
// lines end does not matter. What is below float32's numbers is −∞, in all formats.
//
// Errors: a file that is longer or shorter than its shape says; NaN, and what is above float32's numbers, by frame and class; other types and shapes; more than
// 2²⁸ numbers; for JSON with the line.
// Source: [npy].
func ReadEmissions(path string) (Emissions, error) {
	e, err := readEmissions(path)
	if err == nil {
		err = e.check()
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return e, err
}

func readEmissions(path string) (Emissions, error) {
	end := strings.ToLower(filepath.Ext(path))
	if slices.Contains([]string{".safetensors", ".pt", ".pth"}, end) {
		return readTensorEmissions(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Emissions{}, err
	}
	defer f.Close()
	switch end {
	case ".npy":
		return parseNPY(bufio.NewReader(f))
	case ".json", ".jsonl":
		return parseJSONEmissions(f)
	}
	return Emissions{}, fmt.Errorf("the name ends in %q; emissions are .npy, .safetensors, .pt, .pth, .json or .jsonl", excerpt.Of(end))
}

func (e *Emissions) check() error {
	for i, v := range e.Values {
		if !(v <= math.MaxFloat32) {
			return fmt.Errorf("frame %d, class %d is %v; it must be a number, or −Inf", i/e.Classes, i%e.Classes, v)
		}
	}
	return nil
}

// shaped settles frames and classes.
func shaped(shape []int) (e Emissions, n int, err error) {
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) != 2 || shape[0] < 0 || shape[1] < 1 {
		return e, 0, fmt.Errorf("the shape is %v; it must be [frames, classes], or [1, frames, classes]", shape)
	}
	if shape[0] > maxEmissions/shape[1] {
		return e, 0, fmt.Errorf("the shape is %v; there may be at most %d numbers", shape, maxEmissions)
	}
	return Emissions{Frames: shape[0], Classes: shape[1]}, shape[0] * shape[1], nil
}

func readTensorEmissions(path string) (Emissions, error) {
	f, err := tensor.ReadFile(path)
	if err != nil {
		return Emissions{}, err
	}
	at := slices.IndexFunc(f.Tensors, func(t tensor.Named) bool {
		return slices.Contains([]string{"emissions", "log_probs", "logits"}, t.Name)
	})
	if len(f.Tensors) == 1 {
		at = 0
	}
	if at < 0 {
		return Emissions{}, fmt.Errorf("none of the %d tensors is called emissions, log_probs or logits", len(f.Tensors))
	}
	t := f.Tensors[at].Tensor
	e, n, err := shaped(t.Shape())
	if err != nil {
		return e, err
	}
	e.Values = t.Float32s()
	if e.Values == nil {
		for _, v := range t.Float64s() {
			e.Values = append(e.Values, float32(v))
		}
	}
	if len(e.Values) != n {
		return e, fmt.Errorf("the tensor %s is of %v; it must be of floats", excerpt.Of(f.Tensors[at].Name), t.DType())
	}
	return e, nil
}

func parseNPY(r io.Reader) (Emissions, error) {
	h, err := npy.Read(r)
	if err != nil {
		return Emissions{}, err
	}
	if h.Fortran {
		return Emissions{}, errors.New("the array is in Fortran order; save it in C order (numpy.ascontiguousarray)")
	}
	e, n, err := shaped(h.Shape)
	if err != nil {
		return e, err
	}
	if e.Values, err = npyFloats(r, h.Descr, n); err != nil {
		return e, err
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err != io.EOF {
		return e, fmt.Errorf("more follows the %d numbers of the shape %v: the file is damaged, or its header", n, h.Shape)
	}
	return e, nil
}

// npyFloats reads n floats, a part at a time, so that a file must hold what it claims.
func npyFloats(r io.Reader, kind string, n int) ([]float32, error) {
	if kind != "<f4" && kind != "<f8" {
		return nil, fmt.Errorf("the array is of %q; it must be of little-endian float32 (<f4) or float64 (<f8)", excerpt.Of(kind))
	}
	size := int(kind[2] - '0')
	var out []float32
	part := make([]byte, 1<<16)
	for len(out) < n {
		want := min(len(part)/size, n-len(out))
		if _, err := io.ReadFull(r, part[:want*size]); err != nil {
			return nil, fmt.Errorf("the file ends after %d of %d numbers", len(out), n)
		}
		for i := range want {
			if size == 4 {
				out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(part[4*i:])))
			} else {
				out = append(out, float32(math.Float64frombits(binary.LittleEndian.Uint64(part[8*i:]))))
			}
		}
	}
	return out, nil
}

// byteOrderMark may be before a text.
const byteOrderMark = "\uFEFF"

func parseJSONEmissions(r io.Reader) (Emissions, error) {
	j := jsonFrames{r: bufio.NewReader(r), line: 1}
	if mark, _ := j.r.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = j.r.Discard(len(mark))
	}
	err := j.all()
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

// maxTokens bounds a file of tokens, in bytes.
const maxTokens = 1 << 24

// ReadTokens reads the texts of a network's classes: a text a line, a JSON array of texts, or a JSON
// object that gives each text its class, as Hugging Face's vocab.json does.
// <blank>, <pad> or an empty text is the blank, "" here; <space> or | is a space. Blank lines at the end
// are no classes if there is a blank before them.
//
// Errors: no tokens; two that are the same; an object whose classes are not 0, 1, 2 and so on; what is not
// UTF-8, by the line.
func ReadTokens(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tokens, err := parseTokens(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tokens, nil
}

func parseTokens(r io.Reader) ([]string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTokens+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxTokens {
		return nil, fmt.Errorf("there are more than %d bytes of tokens", maxTokens)
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			return nil, fmt.Errorf("line %d, %q, is not UTF-8", i+1, excerpt.Of(line))
		}
	}
	tokens, err := splitTokens(text)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return nil, errors.New("there are no tokens")
	}
	written := slices.Clone(tokens)
	seen := map[string]int{}
	for i, s := range written {
		if token, ok := spelled[s]; ok {
			tokens[i] = token
		}
		before, ok := seen[tokens[i]]
		switch {
		case ok && tokens[i] == "":
			return nil, fmt.Errorf("token %d is %q, and token %d is %q; only one may be the blank", i, excerpt.Of(s), before, excerpt.Of(written[before]))
		case ok:
			return nil, fmt.Errorf("token %d is %q, which is the same as token %d, %q", i, excerpt.Of(s), before, excerpt.Of(written[before]))
		}
		seen[tokens[i]] = i
	}
	return tokens, nil
}

// spelled are tokens that files write in another way.
var spelled = map[string]string{"<blank>": "", "<pad>": "", "<space>": " ", "|": " "}

// splitTokens reads any form of file.
func splitTokens(text []byte) ([]string, error) {
	var list []string
	switch trimmed := bytes.TrimSpace(text); {
	case len(trimmed) == 0:
		return nil, nil
	case trimmed[0] == '[':
		err := json.Unmarshal(text, &list)
		return list, err
	case trimmed[0] == '{':
		return vocabulary(text)
	}
	list = strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	blank := slices.IndexFunc(list, func(s string) bool {
		token, ok := spelled[s]
		return s == "" || ok && token == ""
	})
	for blank >= 0 && len(list) > blank+1 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list, nil
}

// vocabulary reads an object from texts to classes.
func vocabulary(text []byte) ([]string, error) {
	var classes map[string]int
	if err := json.Unmarshal(text, &classes); err != nil {
		return nil, err
	}
	list, taken := make([]string, len(classes)), make([]bool, len(classes))
	for _, s := range slices.Sorted(maps.Keys(classes)) {
		c := classes[s]
		if c < 0 || c >= len(list) {
			return nil, fmt.Errorf("the class of %q is %d; with %d tokens it must be from 0 to %d", excerpt.Of(s), c, len(list), len(list)-1)
		}
		if taken[c] {
			return nil, fmt.Errorf("%q and %q are both class %d", excerpt.Of(list[c]), excerpt.Of(s), c)
		}
		list[c], taken[c] = s, true
	}
	return list, nil
}
