package data

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/internal/plaintext"
)

// Emissions are what a network says of the classes of each frame of a recording: log-probabilities, logits or probabilities, whatever system made them.
type Emissions struct {
	Values          []float32 // [Frames][Classes]
	Frames, Classes int
}

// Bounds of files of emissions.
const (
	maxEmissions = 1 << 28 // numbers
	maxLengths   = 1 << 24 // bytes of a file of lengths
	maxJSONWord  = 64      // bytes of a number
)

// The names that arrays of emissions, and of lengths, have in files of several.
var (
	emissionNames = []string{"emissions", "emission", "log_probs", "logprobs", "log_probabilities", "logits", "probs", "probabilities", "posteriors"}
	lengthNames   = []string{"lengths", "length", "lens", "input_lengths", "emission_lengths", "logit_lengths", "frames"}
)

// ReadEmissions reads a file by the end of its name, or by its first bytes where the name does not tell:
//
//	.npy          float16, float32 or float64, of either order of bytes, in C or Fortran order
//	.npz          the array called emissions, log_probs, logits, probs or the like, or the only one but for lengths
//	.safetensors  the same of tensors
//	.pt .pth      the same of a file of PyTorch's torch.save
//	.json .jsonl  an array of C numbers for each frame, one after the other or all in an array
//
// Arrays are [T, C], [1, T, C] and [T, 1, C], or [N, T, C] for N recordings, the shorter of which are filled up to T frames. How many frames each has
// is in a file of lengths, or in the array called lengths beside the emissions; without either, all have T. A file of lengths has N whole numbers: .npy,
// a JSON array, or text.
//
// JSON and texts may be compressed by gzip, in UTF-8 or UTF-16. In JSON −∞ is null, "-Infinity", "-inf", or -Infinity without quotes, as Python writes it. Where the
// lines end does not matter. What is below float32's numbers is −∞, in all formats.
//
// Errors: a file that is longer or shorter than its shape says; NaN, and what is above float32's numbers, by frame and class; integers and other types, by name; other shapes; lengths
// that are not one for each recording, from 0 to T; more than 2²⁸ numbers; for JSON with the line.
// Source: [npy].
func ReadEmissions(path, lengths string) ([]Emissions, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := decodeEmissions(f, strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz"))), lengths)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// DecodeEmissions reads what ReadEmissions does from a stream, by its first bytes.
func DecodeEmissions(r io.Reader, lengths string) ([]Emissions, error) {
	return decodeEmissions(r, "", lengths)
}

func decodeEmissions(r io.Reader, end, lengths string) ([]Emissions, error) {
	a, err := readArray(bufio.NewReader(r), end)
	if err != nil {
		return nil, err
	}
	if lengths != "" {
		if a.lengths, err = readLengths(lengths); err != nil {
			return nil, err
		}
	}
	all, err := a.recordings()
	if err != nil {
		return nil, err
	}
	for k, e := range all {
		if err := e.check(); err != nil {
			if len(all) > 1 {
				err = fmt.Errorf("recording %d: %w", k, err)
			}
			return nil, err
		}
	}
	return all, nil
}

func (e *Emissions) check() error {
	for i, v := range e.Values {
		if !(v <= math.MaxFloat32) {
			return fmt.Errorf("frame %d, class %d is %v; it must be a number, or −Inf", i/e.Classes, i%e.Classes, v)
		}
	}
	return nil
}

// An array is what a file of emissions holds.
type array struct {
	values  []float32 // in C order
	shape   []int
	lengths []int // of the recordings; nil where the file does not say
}

// volume checks a shape of emissions, and returns how many numbers it has.
func volume(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || len(shape) < 2 || len(shape) > 3 || shape[len(shape)-1] < 1 {
			return 0, fmt.Errorf("the shape is %v; it must be [frames, classes], or [recordings, frames, classes]", shape)
		}
		if d > 0 && n > maxEmissions/d {
			return 0, fmt.Errorf("the shape is %v; there may be at most %d numbers", shape, maxEmissions)
		}
		n *= d
	}
	if len(shape) == 0 {
		return 0, fmt.Errorf("the shape is %v; it must be [frames, classes], or [recordings, frames, classes]", shape)
	}
	return n, nil
}

// recordings cuts an array into those of its recordings.
func (a *array) recordings() ([]Emissions, error) {
	if _, err := volume(a.shape); err != nil {
		return nil, err
	}
	n, frames, classes := 1, a.shape[0], a.shape[len(a.shape)-1]
	if len(a.shape) == 3 {
		n, frames = a.shape[0], a.shape[1]
		if frames == 1 && a.lengths == nil { // PyTorch's losses have the frames first
			n, frames = 1, n
		}
	}
	if a.lengths != nil && len(a.lengths) != n {
		return nil, fmt.Errorf("there are %d lengths for %d recordings", len(a.lengths), n)
	}
	all := make([]Emissions, n)
	for k := range all {
		length := frames
		if a.lengths != nil {
			length = a.lengths[k]
		}
		if length < 0 || length > frames {
			return nil, fmt.Errorf("length %d is %d; it must be from 0 to %d frames", k, length, frames)
		}
		first := k * frames * classes
		all[k] = Emissions{a.values[first : first+length*classes : first+length*classes], length, classes}
	}
	return all, nil
}

// The first bytes of formats.
const (
	npyMagic = "\x93NUMPY"
	zipMagic = "PK\x03\x04"
)

// readArray reads a file of any format.
func readArray(r *bufio.Reader, end string) (*array, error) {
	begin, _ := r.Peek(9)
	switch {
	case end == ".npy", end != ".json" && end != ".jsonl" && bytes.HasPrefix(begin, []byte(npyMagic)):
		return parseNPY(r)
	case slices.Contains([]string{".npz", ".safetensors", ".pt", ".pth"}, end),
		end != ".json" && end != ".jsonl" && (bytes.HasPrefix(begin, []byte(zipMagic)) || len(begin) > 0 && begin[0] == 0x80 || len(begin) == 9 && begin[8] == '{' && begin[7] == 0):
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if end == ".npz" && !bytes.HasPrefix(text, []byte(zipMagic)) {
			return nil, errors.New("this is no .npz file")
		}
		return parseArchive(text)
	case !slices.Contains([]string{"", ".json", ".jsonl"}, end) && !(len(begin) > 0 && begin[0] == '['):
		return nil, fmt.Errorf("the name ends in %q, and the file is of none of the formats of emissions: .npy, .npz, .safetensors, .pt, .pth, .json or .jsonl", excerpt.Of(end))
	}
	e, err := parseJSONEmissions(r)
	return &array{values: e.Values, shape: []int{e.Frames, e.Classes}}, err
}

// parseArchive reads a file of several arrays.
func parseArchive(text []byte) (*array, error) {
	if bytes.HasPrefix(text, []byte(zipMagic)) {
		files, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files.File, func(f *zip.File) bool { return strings.HasSuffix(f.Name, ".npy") }) {
			return parseNPZ(files)
		}
	}
	f, err := tensor.DecodeFile(text)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range f.Tensors {
		names = append(names, t.Name)
	}
	at, lengths, err := chosen(names)
	if err != nil {
		return nil, err
	}
	a := &array{}
	if lengths >= 0 {
		if a.lengths, err = whole(f.Tensors[lengths].Tensor.Convert(tensor.Float64).Float64s()); err != nil {
			return nil, err
		}
	}
	return a, a.tensor(f.Tensors[at])
}

// tensor takes the emissions of a tensor.
func (a *array) tensor(t tensor.Named) error {
	if kind := t.Tensor.Stored(); kind != "" && !strings.Contains(kind, "F") {
		return fmt.Errorf("the tensor %s is of %s: %s", excerpt.Of(t.Name), kind, noFloats)
	}
	a.shape = squeezed(t.Tensor.Shape())
	if _, err := volume(a.shape); err != nil {
		return err
	}
	a.values = t.Tensor.Float32s()
	if a.values == nil {
		for _, v := range t.Tensor.Float64s() {
			a.values = append(a.values, float32(v))
		}
	}
	return nil
}

// noFloats is what is wrong with scores of another type.
const noFloats = "emissions must be floats, of 16 to 64 bits; integers are raw scores, which must be scaled to logits or probabilities first"

// squeezed is a shape without ones before its last three dimensions.
func squeezed(shape []int) []int {
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

// chosen finds the array of emissions by its name, and that of lengths, or −1.
func chosen(names []string) (at, lengths int, err error) {
	at, lengths = -1, -1
	var others []int
	for i, name := range names {
		name = name[strings.LastIndexAny(name, "./")+1:]
		switch {
		case slices.Contains(lengthNames, name):
			lengths = i
		case slices.Contains(emissionNames, name) && at < 0:
			at = i
		default:
			others = append(others, i)
		}
	}
	if at < 0 && len(others) == 1 {
		at = others[0]
	}
	if at < 0 {
		return 0, 0, fmt.Errorf("none of the %d arrays is called %s", len(names), strings.Join(emissionNames, ", "))
	}
	return at, lengths, nil
}

// parseNPZ reads the arrays of NumPy's savez.
func parseNPZ(files *zip.Reader) (*array, error) {
	var names []string
	for _, f := range files.File {
		names = append(names, strings.TrimSuffix(f.Name, ".npy"))
	}
	at, lengths, err := chosen(names)
	if err != nil {
		return nil, err
	}
	open := func(i int, read func(r io.Reader) error) error {
		r, err := files.File[i].Open()
		if err != nil {
			return fmt.Errorf("%s: %w", excerpt.Of(files.File[i].Name), err)
		}
		defer r.Close()
		if err := read(bufio.NewReader(r)); err != nil {
			return fmt.Errorf("%s: %w", excerpt.Of(files.File[i].Name), err)
		}
		return nil
	}
	var a *array
	err = open(at, func(r io.Reader) (err error) { a, err = parseNPY(r); return err })
	if err == nil && lengths >= 0 {
		err = open(lengths, func(r io.Reader) (err error) { a.lengths, err = parseLengthsNPY(r); return err })
	}
	return a, err
}

func parseNPY(r io.Reader) (*array, error) {
	h, err := npy.Read(r)
	if err != nil {
		return nil, err
	}
	kind, big := h.Kind()
	if !slices.Contains([]string{"f2", "f4", "f8"}, kind) {
		return nil, fmt.Errorf("the array is of %s: %s", h.TypeName(), noFloats)
	}
	a := &array{shape: squeezed(h.Shape)}
	n, err := volume(a.shape)
	if err != nil {
		return nil, err
	}
	if a.values, err = npyNumbers[float32](r, kind, big, n); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err != io.EOF {
		return nil, fmt.Errorf("more follows the %d numbers of the shape %v: the file is damaged, or its header", n, h.Shape)
	}
	if h.Fortran && len(a.shape) > 1 {
		turned := make([]float32, n)
		for i, v := range a.values {
			turned[npy.Place(i, a.shape)] = v
		}
		a.values = turned
	}
	return a, nil
}

// decoders read the number at the beginning of some bytes.
var decoders = map[string]func(order binary.ByteOrder, b []byte) float64{
	"f2": func(order binary.ByteOrder, b []byte) float64 { return float64(tensor.Half(order.Uint16(b))) },
	"f4": func(order binary.ByteOrder, b []byte) float64 {
		return float64(math.Float32frombits(order.Uint32(b)))
	},
	"f8": func(order binary.ByteOrder, b []byte) float64 { return math.Float64frombits(order.Uint64(b)) },
	"i1": func(_ binary.ByteOrder, b []byte) float64 { return float64(int8(b[0])) },
	"i2": func(order binary.ByteOrder, b []byte) float64 { return float64(int16(order.Uint16(b))) },
	"i4": func(order binary.ByteOrder, b []byte) float64 { return float64(int32(order.Uint32(b))) },
	"i8": func(order binary.ByteOrder, b []byte) float64 { return float64(int64(order.Uint64(b))) },
	"u1": func(_ binary.ByteOrder, b []byte) float64 { return float64(b[0]) },
	"u2": func(order binary.ByteOrder, b []byte) float64 { return float64(order.Uint16(b)) },
	"u4": func(order binary.ByteOrder, b []byte) float64 { return float64(order.Uint32(b)) },
	"u8": func(order binary.ByteOrder, b []byte) float64 { return float64(order.Uint64(b)) },
}

// npyNumbers reads n numbers, a part at a time, so that a file must hold what it claims.
func npyNumbers[T float32 | float64](r io.Reader, kind string, big bool, n int) ([]T, error) {
	size, decode := int(kind[1]-'0'), decoders[kind]
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	var out []T
	part := make([]byte, 1<<16)
	for len(out) < n {
		want := min(len(part)/size, n-len(out))
		if _, err := io.ReadFull(r, part[:want*size]); err != nil {
			return nil, fmt.Errorf("the file ends after %d of %d numbers", len(out), n)
		}
		for i := range want {
			out = append(out, T(decode(order, part[i*size:])))
		}
	}
	return out, nil
}

// readLengths reads a file of lengths.
func readLengths(path string) ([]int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lengths, err := parseLengths(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lengths, nil
}

func parseLengths(r *bufio.Reader) ([]int, error) {
	if begin, _ := r.Peek(len(npyMagic)); string(begin) == npyMagic {
		return parseLengthsNPY(r)
	}
	text, err := plaintext.ReadAll(r, maxLengths)
	if err != nil {
		return nil, err
	}
	var numbers []float64
	for _, word := range strings.FieldsFunc(string(text), func(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune("[],;", c) }) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, fmt.Errorf("length %d is %q; it must be a whole number", len(numbers), excerpt.Of(word))
		}
		numbers = append(numbers, v)
	}
	return whole(numbers)
}

func parseLengthsNPY(r io.Reader) ([]int, error) {
	h, err := npy.Read(r)
	if err != nil {
		return nil, err
	}
	kind, big := h.Kind()
	n := 1
	for _, d := range h.Shape {
		if d > maxLengths || n > maxLengths {
			return nil, fmt.Errorf("the shape is %v; there may be %d lengths", h.Shape, maxLengths)
		}
		n *= d
	}
	if decoders[kind] == nil || n > maxLengths {
		return nil, fmt.Errorf("the lengths are %v of %s; they must be whole numbers", h.Shape, h.TypeName())
	}
	numbers, err := npyNumbers[float64](r, kind, big, n)
	if err != nil {
		return nil, err
	}
	return whole(numbers)
}

// whole turns numbers into lengths.
func whole(numbers []float64) ([]int, error) {
	lengths := make([]int, len(numbers))
	for i, v := range numbers {
		if !(v >= 0 && v <= maxEmissions) || v != math.Trunc(v) {
			return nil, fmt.Errorf("length %d is %v; it must be a whole number of frames", i, v)
		}
		lengths[i] = int(v)
	}
	return lengths, nil
}
