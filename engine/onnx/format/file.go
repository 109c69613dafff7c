package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// maxFile is the greatest size of a model's file, that of a protocol buffer: a byte less than 2 GiB. Elements in other files do not count.
const maxFile = math.MaxInt32

// ReadFile reads a model. Elements that stand in other files (external data) are looked for beside it: in its own folder or below, from which no
// name or link may lead out, and within those files. They are read into memory, too, each part once.
func ReadFile(path string) (*Model, error) {
	m, err := readFile(path)
	if err != nil {
		var of *os.PathError
		if errors.As(err, &of) && of.Path == path {
			return nil, err
		}
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return m, nil
}

func readFile(path string) (*Model, error) {
	data, err := content(path)
	if err != nil {
		return nil, err
	}
	d := &decoder{folder: &folder{path: filepath.Dir(path), parts: map[part][]byte{}, read: map[string]int64{}}}
	defer d.folder.close()
	return d.model(data)
}

// content is what a file holds, in one piece.
func content(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if size := info.Size(); size <= maxFile {
		b.Grow(int(size) + bytes.MinRead)
		if _, err := b.ReadFrom(io.LimitReader(f, maxFile+1)); err != nil {
			return nil, err
		}
		if b.Len() <= maxFile {
			return b.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("it has more than %d bytes, which no protocol buffer has; greater models have their elements in files beside them", maxFile)
}

// A folder is that of a model, with the files that hold elements of its tensors.
type folder struct {
	path  string
	root  *os.Root // open from the first use on
	parts map[part][]byte
	read  map[string]int64 // the bytes read of each file
}

// A part is a span of a file.
type part struct {
	location       string
	offset, length int64
}

func (o *folder) close() {
	if o.root != nil {
		o.root.Close()
	}
}

// elsewhere reads the elements of a tensor from another file.
func (d *decoder) elsewhere(t *Tensor, h header, count int) error {
	if len(h.filled) > 0 {
		return fmt.Errorf("its elements are external, and it has some in %s as well", tensorData[h.filled[0]])
	}
	if t.Type == String {
		return errors.New("its elements are external, which strings cannot be")
	}
	p, err := h.part(int64(t.bytes(count)))
	if err == nil && d.folder == nil {
		err = errors.New("there is no folder to look in; read the model as a file")
	}
	if err == nil {
		t.Raw, err = d.folder.get(p)
	}
	return in(err, "external data %q", excerpt.Of(p.location))
}

// part is the span that holds want bytes of elements.
func (h header) part(want int64) (p part, err error) {
	p.length = want
	for _, e := range h.external {
		switch e.Key {
		case "location":
			p.location = e.Value
		case "offset":
			p.offset, err = strconv.ParseInt(e.Value, 10, 64)
		case "length":
			var n int64
			if n, err = strconv.ParseInt(e.Value, 10, 64); err == nil && n != want {
				err = fmt.Errorf("its length is %d, and the elements have %d bytes", n, want)
			}
		}
		if err != nil {
			return p, fmt.Errorf("%s %q: %w", e.Key, excerpt.Of(e.Value), err)
		}
	}
	if p.location == "" {
		return p, errors.New("there is no location")
	}
	if p.offset < 0 {
		return p, fmt.Errorf("the offset is %d; it must be 0 or more", p.offset)
	}
	return p, nil
}

// get reads a part, or returns it if it has been read. Parts may not overlap otherwise, so that memory is no more than the files'.
func (o *folder) get(p part) ([]byte, error) {
	var err error
	if p.location, err = local(p.location); err != nil {
		return nil, err
	}
	if b, ok := o.parts[p]; ok {
		return b, nil
	}
	f, size, err := o.open(p.location)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if p.offset > size || p.length > size-p.offset {
		return nil, fmt.Errorf("the file has %d bytes; %d from byte %d on are beyond its end", size, p.length, p.offset)
	}
	if o.read[p.location] += p.length; o.read[p.location] > size {
		return nil, fmt.Errorf("the file has %d bytes, and tensors take %d; they overlap", size, o.read[p.location])
	}
	b := make([]byte, p.length)
	if _, err := f.ReadAt(b, p.offset); err != nil && p.length > 0 {
		return nil, err
	}
	o.parts[p] = b
	return b, nil
}

// local is the one spelling of a location in the folder. Any ".." is refused, as ONNX's checker does: what it means behind a link is unclear.
func local(location string) (string, error) {
	name := filepath.FromSlash(location)
	if !filepath.IsLocal(name) || slices.Contains(strings.Split(filepath.ToSlash(name), "/"), "..") {
		return "", errors.New(`the location must be a file in the model's folder or below, without ".."`)
	}
	return filepath.Clean(name), nil
}

// open opens a regular file inside the folder.
func (o *folder) open(name string) (*os.File, int64, error) {
	if o.root == nil {
		root, err := os.OpenRoot(o.path)
		if err != nil {
			return nil, 0, err
		}
		o.root = root
	}
	info, err := o.root.Stat(name) // before opening, which waits for the writer of a pipe
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w (it must be a file in the model's folder or below, links included)", err)
	}
	f, err := o.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}
