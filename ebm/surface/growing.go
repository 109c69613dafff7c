package surface

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/wholefile"
)

// GrowingFile holds the film of a run's folder while the run is trained, or where it was ended before its time. It has
//
//	the line "energo frames 1", of 16 bytes with its end
//	the length of what follows, 8 bytes
//	a safetensors file: the axes x and y, and data; its metadata have the film and its Layout, as JSON
//	frames: the step, 8 bytes; the numbers, float32; a sum, 8 bytes
//
// Numbers are little-endian. A frame's sum is the CRC-32 (IEEE) of its number in the film, 8 bytes, and of its bytes before the sum, with 1 in
// the four bytes behind, so that it is never 0. Frames are appended; all else is written once, whole.
const GrowingFile = "surfaces.frames"

const (
	frameMagic  = "energo frames 1\n"
	frameFormat = "energo frames 1"
	headMost    = 64 << 20 // bytes
	countMost   = 1 << 24  // of anything in a frame
)

// recordSize is the number of bytes of a frame of a number of float32.
func recordSize(width int) int { return 8 + 4*width + 8 }

// sumOf is the sum of a record's bytes before its sum.
func sumOf(frame int, record []byte) uint64 {
	crc := crc32.ChecksumIEEE(binary.LittleEndian.AppendUint64(nil, uint64(frame)))
	return 1<<32 | uint64(crc32.Update(crc, crc32.IEEETable, record))
}

// headOf is what stands before the frames.
func (r *Reel) headOf() ([]byte, error) {
	film, err := json.Marshal(r.Film)
	if err != nil {
		return nil, err
	}
	layout, err := json.Marshal(r.layout)
	if err != nil {
		return nil, err
	}
	body, err := tensor.Encode(&tensor.File{
		Metadata: map[string]string{"format": frameFormat, "film": string(film), "layout": string(layout)},
		Tensors:  []tensor.Named{{Name: "x", Tensor: vector(r.Film.X)}, {Name: "y", Tensor: vector(r.Film.Y)}, {Name: "data", Tensor: pairs(r.Film.Data)}},
	})
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint64([]byte(frameMagic), uint64(len(body))), body...), nil
}

// records are the frames from one on.
func (r *Reel) records(from int) []byte {
	var all []byte
	for k := from; k < r.Frames(); k++ {
		begin := len(all)
		all = binary.LittleEndian.AppendUint64(all, uint64(k*r.layout.Steps))
		for _, v := range r.frames.Row(k).Float32s() {
			all = binary.LittleEndian.AppendUint32(all, math.Float32bits(v))
		}
		all = binary.LittleEndian.AppendUint64(all, sumOf(k, all[begin:]))
	}
	return all
}

// Show writes the frames that were taken since the last Show into the folder's GrowingFile, each at once behind the others. The first
// Show of a reel writes the file anew, whole, with the frames so far: those of a training that resumes take the place of what it left.
// Nothing is waited for: what a power failure takes, the next first Show brings back.
func (r *Reel) Show(dir string) error {
	path := filepath.Join(dir, GrowingFile)
	if r.head == nil {
		head, err := r.headOf()
		if err != nil {
			return fmt.Errorf("surface: %w", err)
		}
		if err := wholefile.Write(path, append(head[:len(head):len(head)], r.records(0)...)); err != nil {
			return err
		}
		r.head, r.shown = head, r.Frames()
		return nil
	}
	if r.Frames() == r.shown {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed it
		r.head = nil
		return r.Show(dir)
	}
	if err != nil {
		return err
	}
	at := len(r.head) + r.shown*recordSize(r.layout.width(&r.Film))
	_, err = file.WriteAt(r.records(r.shown), int64(at))
	if err = errors.Join(err, file.Close()); err == nil {
		r.shown = r.Frames()
	}
	return err
}

// readHead reads what stands before the frames, and returns where it ends.
func readHead(file io.ReaderAt, size int64) (f Film, l Layout, end int64, err error) {
	start := make([]byte, len(frameMagic)+8)
	if size < int64(len(start)) {
		return f, l, 0, fmt.Errorf("it has %d bytes; the beginning of a film has more", size)
	}
	if _, err := file.ReadAt(start, 0); err != nil {
		return f, l, 0, err
	}
	n := binary.LittleEndian.Uint64(start[len(frameMagic):])
	if got := string(start[:len(frameMagic)]); got != frameMagic {
		return f, l, 0, fmt.Errorf("no film of this version: it begins with %q, want %q", excerpt.Of(got), frameMagic)
	}
	if n > headMost || int64(n) > size-int64(len(start)) {
		return f, l, 0, fmt.Errorf("its head has %d bytes, of %d in all; at most %d are read", n, size, headMost)
	}
	body := make([]byte, n)
	if _, err := file.ReadAt(body, int64(len(start))); err != nil {
		return f, l, 0, err
	}
	in, err := tensor.Decode(body)
	if err == nil {
		err = readFilm(in, &f, &l)
	}
	return f, l, int64(len(start)) + int64(n), err
}

// readFilm fills in a film without frames, and its layout.
func readFilm(in *tensor.File, f *Film, l *Layout) error {
	if got := in.Metadata["format"]; got != frameFormat {
		return fmt.Errorf("no film of this version: format %q, want %q", excerpt.Of(got), frameFormat)
	}
	named := map[string]any{"film": f, "layout": l}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		into := named[name]
		if err := json.Unmarshal([]byte(in.Metadata[name]), into); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	parts := map[string]*tensor.Tensor{}
	for _, name := range []string{"x", "y", "data"} {
		t := in.Get(name)
		if t == nil || t.DType() != tensor.Float64 || t.Rank() != ranks[name] || name == "data" && t.Dim(1) != 2 {
			return fmt.Errorf("the tensor %q is missing, or not of a film", name)
		}
		parts[name] = t
	}
	f.X, f.Y, f.Data = parts["x"].Float64s(), parts["y"].Float64s(), Places(parts["data"].Float64s())
	counts := map[string]int{"points": l.Points, "pairs": l.Pairs, "down": l.Down, "rivals": l.Rivals, "epochs": l.Epochs, "steps": l.Steps}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		n := counts[name]
		if n < 0 || n > countMost {
			return fmt.Errorf("%s are %d; they must be from 0 to %d", name, n, countMost)
		}
	}
	if len(f.X)*len(f.Y) > countMost {
		return fmt.Errorf("it has %d × %d places; at most %d are read", len(f.X), len(f.Y), countMost)
	}
	empty := *f
	empty.Frames = []Frame{l.frame(0, len(f.X)*len(f.Y), make([]float32, l.width(f)))}
	return empty.check()
}

// readRecords reads the frames from number k on out of a file's bytes, and returns how many bytes they have. A last one that is not
// there yet, or not whole, is left for later; another that does not hold is an error.
func readRecords(data []byte, f *Film, l *Layout, k int) (frames []Frame, used int, err error) {
	width := l.width(f)
	size := recordSize(width)
	for ; len(data)-used >= size; k++ {
		record := data[used : used+size]
		sum := binary.LittleEndian.Uint64(record[size-8:])
		if sum == 0 && len(data)-used < 2*size { // never written
			return frames, used, nil
		}
		step := binary.LittleEndian.Uint64(record)
		if sum != sumOf(k, record[:size-8]) || step > stepMost {
			return nil, 0, fmt.Errorf("frame %d is damaged: its sum is %x, and should be %x", k, sum, sumOf(k, record[:size-8]))
		}
		row := make([]float32, width)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(record[8+4*i:]))
		}
		frames = append(frames, l.frame(int(step), len(f.X)*len(f.Y), row))
		used += size
	}
	return frames, used, nil
}
