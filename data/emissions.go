package data

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/tensor"
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
	maxNPYHeader = 1 << 16 // bytes
	maxJSONLine  = 1 << 26 // bytes: some million classes
)

// ReadEmissions reads a file by the end of its name:
//
//	.npy          float32 or float64, C order, [T, C] or [1, T, C]
//	.safetensors  the tensor called emissions, log_probs or logits, or the only one, of such a shape
//	.json .jsonl  an array of C numbers for each frame, a line each, or all in one array
//
// In JSON −∞ is "-Infinity", or null.
//
// Errors: NaN and +Inf, by frame and class; other types and shapes; more than 2²⁸ numbers.
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
	if end == ".safetensors" {
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
	return Emissions{}, fmt.Errorf("the name ends in %q; emissions are .npy, .safetensors, .json or .jsonl", end)
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
		return e, fmt.Errorf("the tensor %s is of %v; it must be of floats", f.Tensors[at].Name, t.DType())
	}
	return e, nil
}

// What the header of an array's file says.
var (
	npyType    = regexp.MustCompile(`'descr':\s*'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape':\s*\(([\d,\s]*)\)`)
)

func parseNPY(r io.Reader) (Emissions, error) {
	header, err := npyHeader(r)
	if err != nil {
		return Emissions{}, err
	}
	kind, order, dims := npyType.FindStringSubmatch(header), npyFortran.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if kind == nil || order == nil || dims == nil {
		return Emissions{}, fmt.Errorf("the header %q has no descr, fortran_order or shape", header)
	}
	if order[1] == "True" {
		return Emissions{}, errors.New("the array is in Fortran order; save it in C order (numpy.ascontiguousarray)")
	}
	var shape []int
	for _, s := range strings.Split(dims[1], ",") {
		if s = strings.TrimSpace(s); s != "" {
			d, err := strconv.Atoi(s)
			if err != nil {
				return Emissions{}, fmt.Errorf("the shape (%s) is none", dims[1])
			}
			shape = append(shape, d)
		}
	}
	e, n, err := shaped(shape)
	if err != nil {
		return e, err
	}
	e.Values, err = npyFloats(r, kind[1], n)
	return e, err
}

// npyHeader reads the dictionary at the beginning of an array's file.
func npyHeader(r io.Reader) (string, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != "\x93NUMPY" {
		return "", errors.New("this is no .npy file")
	}
	size := uint32(0)
	if start[6] == 1 {
		var n uint16
		if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
			return "", errors.New("the header is cut off")
		}
		size = uint32(n)
	} else if err := binary.Read(r, binary.LittleEndian, &size); err != nil {
		return "", errors.New("the header is cut off")
	}
	if size > maxNPYHeader {
		return "", fmt.Errorf("the header has %d bytes; at most %d are read", size, maxNPYHeader)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(r, header); err != nil {
		return "", errors.New("the header is cut off")
	}
	return string(header), nil
}

// npyFloats reads n floats, a part at a time, so that a file must hold what it claims.
func npyFloats(r io.Reader, kind string, n int) ([]float32, error) {
	if kind != "<f4" && kind != "<f8" {
		return nil, fmt.Errorf("the array is of %q; it must be of little-endian float32 (<f4) or float64 (<f8)", kind)
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

// A jsonNumber is a number, or the text or null that stands for −∞.
type jsonNumber float32

// UnmarshalJSON implements json.Unmarshaler.
func (v *jsonNumber) UnmarshalJSON(text []byte) error {
	switch s := string(text); s {
	case "null", `"-Infinity"`, `"-inf"`:
		*v = jsonNumber(math.Inf(-1))
		return nil
	default:
		f, err := strconv.ParseFloat(s, 32)
		*v = jsonNumber(f)
		if err != nil {
			return fmt.Errorf("%s is no number", s)
		}
		return nil
	}
}

func parseJSONEmissions(r io.Reader) (Emissions, error) {
	var e Emissions
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxJSONLine)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		var rows [][]jsonNumber
		var err error
		if strings.HasPrefix(strings.TrimSpace(text[1:]), "[") {
			err = json.Unmarshal([]byte(text), &rows)
		} else {
			rows = make([][]jsonNumber, 1)
			err = json.Unmarshal([]byte(text), &rows[0])
		}
		if err != nil {
			return e, fmt.Errorf("line %d: %w", n, err)
		}
		for _, row := range rows {
			if e.Frames == 0 {
				e.Classes = len(row)
			}
			if len(row) != e.Classes || len(row) == 0 {
				return e, fmt.Errorf("line %d: frame %d has %d numbers; it must have %d", n, e.Frames, len(row), max(e.Classes, 1))
			}
			if e.Frames++; e.Frames > maxEmissions/e.Classes {
				return e, fmt.Errorf("line %d: there may be at most %d numbers", n, maxEmissions)
			}
			for _, v := range row {
				e.Values = append(e.Values, float32(v))
			}
		}
	}
	if err := lines.Err(); err != nil {
		return e, err
	}
	if e.Frames == 0 {
		return e, errors.New("there are no frames")
	}
	return e, nil
}

// maxTokens bounds a file of tokens, in bytes.
const maxTokens = 1 << 24

// ReadTokens reads the texts of a network's classes: a JSON array of texts, or a text a line.
// <blank>, <pad> or an empty text is the blank, "" here; <space> or | is a space.
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
	var tokens []string
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		if err := json.Unmarshal(text, &tokens); err != nil {
			return nil, err
		}
	} else {
		tokens = strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	}
	seen := map[string]int{}
	for i, s := range tokens {
		switch s {
		case "<blank>", "<pad>":
			s = ""
		case "<space>", "|":
			s = " "
		}
		if before, ok := seen[s]; ok {
			return nil, fmt.Errorf("token %d is %q, as token %d is", i, s, before)
		}
		seen[s], tokens[i] = i, s
	}
	return tokens, nil
}
