package bulk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/search/index"
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
// beside it a CSV file id,label,file with a line for each. With rows > 0, a file has at most rows vectors, and
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
	if err := w.outline(ctx); err != nil {
		return nil, err
	}
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
	left  int // vectors that this file is to have yet
	file  *wholefile.File
	buf   *bufio.Writer
	ids   *wholefile.File
	files []string

	outlines []*tensor.Outline // of the files, if they are .safetensors
}

// parts is how many files there will be.
func (w *writer) parts() int {
	if w.rows == 0 {
		return 1
	}
	return max(1, (w.total+w.rows-1)/w.rows)
}

// part is how many vectors the i-th file has.
func (w *writer) part(i int) int {
	if w.rows == 0 {
		return w.total
	}
	return min(w.rows, w.total-i*w.rows)
}

// outline reads all vectors once for the digests, which stand before them in the files.
func (w *writer) outline(ctx context.Context) error {
	if filepath.Ext(w.name) != ".safetensors" {
		return nil
	}
	metadata := map[string]string{"encoder": w.plan.Fingerprint, "metric": string(w.plan.Metric)}
	for i := range w.parts() {
		o, err := tensor.NewOutline(metadata, "vectors", tensor.Float32, w.part(i), w.plan.Dim)
		if err != nil {
			return err
		}
		w.outlines = append(w.outlines, o)
	}
	i, left := 0, w.part(0)
	return w.plan.each(ctx, func(r row) error {
		if left == 0 {
			i++
			left = w.part(i)
		}
		left--
		_, err := w.outlines[i].Write(r.vector)
		return err
	})
}

// next begins a file.
func (w *writer) next() (err error) {
	i, name := len(w.files), w.name
	if w.rows > 0 {
		ext := filepath.Ext(w.name)
		name = fmt.Sprintf("%s-%05d-of-%05d%s", strings.TrimSuffix(w.name, ext), i, w.parts(), ext)
	}
	if w.file, err = wholefile.Create(name); err != nil {
		return err
	}
	w.files = append(w.files, name)
	w.buf = bufio.NewWriterSize(w.file, 1<<20)
	w.left = w.part(i)
	var head []byte
	if w.outlines != nil {
		head = w.outlines[i].Header()
	} else {
		head = (&npy.Header{Descr: "<f4", Shape: []int{w.left, w.plan.Dim}}).Bytes()
	}
	_, err = w.buf.Write(head)
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
		items = append(items, index.Item{ID: r.ID, Label: r.Label, Vector: v, Fields: map[string]string{index.PathField: r.File}})
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
	return index.Options{Dim: p.Dim, Metric: p.Metric, Encoder: p.Fingerprint}
}
