package tensor

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/pickle"
)

// What a file of torch.save begins with: a zip archive, or since before PyTorch 1.6 a pickle of a number.
const (
	torchZip    = "PK\x03\x04"
	torchNumber = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
)

const (
	maxTorchDepth = 100  // dictionaries in one another
	maxTorchName  = 4096 // bytes of a tensor's name
)

// isTorch tells files of PyTorch from those of safetensors, whose ninth byte is '{'.
func isTorch(data []byte) bool {
	zip := bytes.HasPrefix(data, []byte(torchZip)) && (len(data) < 9 || data[8] != '{')
	return zip || len(data) > 1 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5 && (len(data) < 9 || data[8] != '{')
}

// DecodeTorch reads what PyTorch's torch.save wrote (.pt, .pth, .bin) from memory, which it does not keep. Nothing in the file is executed:
// it may hold dictionaries, lists and tuples of tensors, numbers and texts, of which the tensors are kept.
//
// A tensor's name is its path, joined by dots: in {"state_dict": {"fc.bias": …}, "history": [t]} there are "state_dict.fc.bias" and
// "history.0". A tensor alone is named "". Elements become those of Decode; a view (transposed, expanded, of shared memory) becomes a
// tensor of its own. A checksum of the archive is checked where it has one; PyTorch can write 0 instead.
//
// Errors: a global that is not one of tensors, by name (a whole module, an argparse.Namespace …); tensors that are sparse, quantised, lazily
// negated or conjugated, or of an element type that Decode has not; records that are damaged, compressed, missing, too short for their
// tensors or of a big-endian machine; two tensors of one name; views that repeat their elements so often that all tensors together have
// more than four elements for each byte of the file and 65536; dictionaries nested deeper than 100; files of torch.jit.save, and those of PyTorch 0.1,
// which are tar archives.
func DecodeTorch(data []byte) (*File, error) {
	f, err := decodeTorch(data)
	if err != nil {
		return nil, fmt.Errorf("PyTorch file: %w", err)
	}
	return f, nil
}

func decodeTorch(data []byte) (*File, error) {
	decode := decodeTorchPickle
	if bytes.HasPrefix(data, []byte(torchZip)) {
		decode = decodeTorchZip
	}
	object, storages, size, err := decode(data)
	if err != nil {
		return nil, err
	}
	w := torchWalk{file: File{Tensors: []Named{}}, budget: 16*size + 1000, elements: 4*len(data) + 65536, storages: storages, names: map[string]bool{}}
	if err := w.value(nil, object); err != nil {
		return nil, err
	}
	return &w.file, nil
}

// A torchWalk gathers the tensors of a value. Values may be shared a great many times, and contain themselves, so that what is visited,
// and the bytes of names, are bounded by the size of the pickle.
type torchWalk struct {
	file     File
	names    map[string]bool
	budget   int // of values and of bytes of names
	elements int // that the tensors may still have
	storages func(*torchStorage) ([]byte, error)
}

func (w *torchWalk) value(path []string, v any) error {
	if w.budget--; w.budget < 0 {
		return errors.New("its values contain one another so often that there are more than 16 for each byte of its pickle")
	}
	if len(path) > maxTorchDepth {
		return fmt.Errorf("its values are nested deeper than %d", maxTorchDepth)
	}
	switch v := v.(type) {
	case *torchTensor:
		return w.tensor(path, v)
	case *pickle.Dict:
		for i, k := range v.Keys {
			name, err := torchKey(k)
			if err == nil {
				err = w.value(append(path, name), v.Values[i])
			}
			if err != nil {
				return err
			}
		}
	case *pickle.List:
		return w.items(path, v.Items)
	case pickle.Tuple:
		return w.items(path, v)
	}
	return nil
}

func (w *torchWalk) items(path []string, v []any) error {
	for i, x := range v {
		if err := w.value(append(path, strconv.Itoa(i)), x); err != nil {
			return err
		}
	}
	return nil
}

// torchKey is a key of a dictionary in a tensor's name.
func torchKey(k any) (string, error) {
	switch k := k.(type) {
	case string:
		return k, nil
	case int:
		return strconv.Itoa(k), nil
	case bool, float64, nil:
		return fmt.Sprint(k), nil
	}
	return "", fmt.Errorf("a dictionary has a key that is %s; it must be a text or a number", pickle.Kind(k))
}

func (w *torchWalk) tensor(path []string, t *torchTensor) error {
	size := max(0, len(path)-1)
	for _, p := range path {
		size += len(p)
	}
	if w.budget -= size; size > maxTorchName || w.budget < 0 {
		return fmt.Errorf("a tensor's name has %d bytes; it may have %d, and all names 16 for each byte of the pickle", size, maxTorchName)
	}
	name := strings.Join(path, ".")
	if w.names[name] {
		return fmt.Errorf("two tensors are named %q", excerpt.Of(name))
	}
	w.names[name] = true
	n, err := volume(t.shape)
	if err == nil && n > w.elements {
		err = fmt.Errorf("the shape %s has more elements than a file of such a size may hold", sizes(t.shape))
	}
	if err != nil {
		return fmt.Errorf("tensor %q: %w", excerpt.Of(name), err)
	}
	w.elements -= n
	storage, err := w.storages(t.storage)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", excerpt.Of(name), err)
	}
	w.file.Tensors = append(w.file.Tensors, Named{name, t.read(storage)})
	return nil
}

// A torchStorage is memory that tensors share. Its bytes are read when a tensor needs them.
type torchStorage struct {
	key   string
	kind  kind // of no name for bytes
	count int  // elements
}

// bytes is how many the storage has.
func (s *torchStorage) bytes() int { return s.count * s.kind.size }

// A torchTensor is a view of a storage: element i₀, i₁ … stands at offset + Σ iₖ·strides[k].
type torchTensor struct {
	storage        *torchStorage
	kind           kind
	offset         int
	shape, strides []int
}

// read copies the tensor from the bytes of its storage, whose bounds have been checked.
func (t *torchTensor) read(storage []byte) *Tensor {
	x := New(t.kind.as, t.shape...)
	x.stored = t.kind.name
	if x.Len() == 0 {
		return x
	}
	size := t.kind.size
	if t.dense() {
		t.kind.read(x, storage[t.offset*size:])
		return x
	}
	dense := make([]byte, 0, x.Len()*size)
	index := make([]int, len(t.shape))
	for at := t.offset; ; {
		dense = append(dense, storage[at*size:][:size]...)
		k := len(index) - 1
		for ; k >= 0; k-- {
			if index[k]++; index[k] < t.shape[k] {
				at += t.strides[k]
				break
			}
			at -= (t.shape[k] - 1) * t.strides[k]
			index[k] = 0
		}
		if k < 0 {
			t.kind.read(x, dense)
			return x
		}
	}
}

// dense reports whether the elements stand one behind the other.
func (t *torchTensor) dense() bool {
	stride := 1
	for k := len(t.shape) - 1; k >= 0; k-- {
		if t.shape[k] > 1 && t.strides[k] != stride {
			return false
		}
		stride *= t.shape[k]
	}
	return true
}

// check holds the view against its storage.
func (t *torchTensor) check() error {
	if len(t.shape) != len(t.strides) || t.offset < 0 {
		return fmt.Errorf("a tensor has the shape %s, the strides %s and the offset %d", sizes(t.shape), sizes(t.strides), t.offset)
	}
	if slices.Contains(t.shape, 0) {
		return nil
	}
	there := t.storage.bytes() / t.kind.size
	last := t.offset
	for k, n := range t.shape {
		s := t.strides[k]
		if s < 0 || s > 0 && n-1 > (there-1-last)/s {
			last = there // beyond the end
			break
		}
		last += (n - 1) * s
	}
	if last >= there {
		return fmt.Errorf("a tensor of shape %s with strides %s from element %d on goes beyond its storage %q, which has %d elements", sizes(t.shape), sizes(t.strides), t.offset, excerpt.Of(t.storage.key), there)
	}
	return nil
}

// sizes is a text of them, of many the first.
func sizes(v []int) string {
	if len(v) > 16 {
		return fmt.Sprintf("%v…", v[:16])
	}
	return fmt.Sprint(v)
}
