package embed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/index"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/serve"
)

// CheckOut refuses a name that Save cannot write to.
func CheckOut(name string) error {
	switch filepath.Ext(name) {
	case ".safetensors", ".npy":
		return nil
	}
	return fmt.Errorf("the file of vectors is %q; its name must end in .safetensors or .npy", name)
}

// IDFile is the name of the file of identifiers that goes with a file of vectors.
func IDFile(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) + ".ids.csv" }

// Save writes the vectors, float32 in the collection's order, as a .safetensors file (tensor "vectors") or .npy, and
// beside it a CSV file id,label,file with a line for each. With rows > 0, a file has at most so many vectors, and
// -00000-of-00003 comes into the names, which Save returns. Each file is written whole, the identifiers last.
func (p *Plan) Save(ctx context.Context, name string, rows int) (files []string, err error) {
	if err := CheckOut(name); err != nil {
		return nil, err
	}
	_, n, err := p.Skipped()
	if err != nil {
		return nil, err
	}
	w := &writer{plan: p, name: name, total: n, rows: rows}
	defer w.abort()
	if w.ids, err = wholefile.Create(IDFile(name)); err != nil {
		return nil, err
	}
	ids := csv.NewWriter(w.ids)
	if err := ids.Write([]string{"id", "label", "file"}); err != nil {
		return nil, err
	}
	if err := w.next(); err != nil { // also where there is no vector
		return nil, err
	}
	err = p.each(ctx, func(r row) error {
		if err := ids.Write([]string{r.ID, r.Label, r.File}); err != nil {
			return err
		}
		return w.write(r.vector)
	})
	if err != nil {
		return nil, err
	}
	if err := w.commit(); err != nil {
		return nil, err
	}
	ids.Flush()
	if err := ids.Error(); err != nil {
		return nil, err
	}
	return append(w.files, IDFile(name)), w.ids.Commit()
}

// writer writes vectors to one file after the other.
type writer struct {
	plan  *Plan
	name  string
	total int // vectors
	rows  int // of a file; 0 is all
	done  int // vectors of files that are complete or begun
	left  int // vectors that this file is to have yet
	file  *wholefile.File
	buf   *bufio.Writer
	ids   *wholefile.File
	files []string
}

// next begins a file.
func (w *writer) next() (err error) {
	n, name := w.total, w.name
	if w.rows > 0 {
		of := max(1, (w.total+w.rows-1)/w.rows)
		n = min(w.rows, w.total-w.done)
		ext := filepath.Ext(w.name)
		name = fmt.Sprintf("%s-%05d-of-%05d%s", strings.TrimSuffix(w.name, ext), len(w.files), of, ext)
	}
	if w.file, err = wholefile.Create(name); err != nil {
		return err
	}
	w.files = append(w.files, name)
	w.buf = bufio.NewWriterSize(w.file, 1<<20)
	w.left, w.done = n, w.done+n
	head, err := w.plan.header(filepath.Ext(name), n)
	if err == nil {
		_, err = w.buf.Write(head)
	}
	return err
}

func (w *writer) write(vector []byte) error {
	if w.left == 0 {
		if err := w.commit(); err != nil {
			return err
		}
		if err := w.next(); err != nil {
			return err
		}
	}
	w.left--
	_, err := w.buf.Write(vector)
	return err
}

func (w *writer) commit() error {
	if err := w.buf.Flush(); err != nil {
		return err
	}
	return w.file.Commit()
}

func (w *writer) abort() {
	for _, f := range []*wholefile.File{w.file, w.ids} {
		if f != nil {
			f.Abort()
		}
	}
}

// header is what comes before n vectors in a file.
func (p *Plan) header(ext string, n int) ([]byte, error) {
	if ext == ".npy" {
		return npyHeader(n, p.Dim), nil
	}
	text, err := json.Marshal(map[string]any{
		"__metadata__": map[string]string{"encoder": p.Fingerprint, "metric": p.Metric},
		"vectors":      map[string]any{"dtype": "F32", "shape": []int{n, p.Dim}, "data_offsets": []int{0, 4 * n * p.Dim}},
	})
	if err != nil {
		return nil, err
	}
	for len(text)%8 != 0 { // so that the vectors are aligned
		text = append(text, ' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), nil
}

// npyHeader is that of version 1.0, of n×dim little-endian float32.
func npyHeader(n, dim int) []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", n, dim)
	const before = 10                                            // magic, version, length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n" // the vectors begin at a multiple of 64
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(head, text...)
}

// addBatch is how many items go into an index at a time.
const addBatch = 1024

// AddTo adds the vectors to an index, in the collection's order. The index must be empty of vectors of other encoders.
// After an error, those before it are there.
func (p *Plan) AddTo(ctx context.Context, x index.Index) error {
	info, err := x.Info(ctx)
	if err != nil {
		return err
	}
	if info.Encoder != p.Fingerprint || info.Dim != p.Dim {
		return fmt.Errorf("embed: the index is of encoder %q with %d coordinates; the job's is %q with %d", info.Encoder, info.Dim, p.Fingerprint, p.Dim)
	}
	var items []index.Item
	err = p.each(ctx, func(r row) error {
		v := make([]float32, p.Dim)
		if err := binary.Read(bytes.NewReader(r.vector), binary.LittleEndian, v); err != nil {
			return err
		}
		items = append(items, index.Item{ID: r.ID, Label: r.Label, Vector: v, Fields: map[string]string{serve.PathField: r.File}})
		if len(items) < addBatch {
			return nil
		}
		err := x.Add(ctx, items)
		items = items[:0]
		return err
	})
	if err != nil || len(items) == 0 {
		return err
	}
	return x.Add(ctx, items)
}

// Options are those of an index that takes the vectors.
func (p *Plan) Options() index.Options {
	return index.Options{Dim: p.Dim, Metric: index.Metric(p.Metric), Encoder: p.Fingerprint}
}
