package tensor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/pickle"
)

// torchProtocol is the version of the form of files that PyTorch wrote before 1.6.
const torchProtocol = 1001

// decodeTorchPickle reads the form that PyTorch wrote before 1.6: pickles of a number, a version, the machine, the value and the keys of the
// storages, and for each key the number of its elements, in 8 bytes, and they.
func decodeTorchPickle(data []byte) (object any, storages func(*torchStorage) ([]byte, error), size int, err error) {
	rest, ok := bytes.CutPrefix(data, []byte(torchNumber))
	if !ok {
		return nil, nil, 0, errors.New("it is a pickle, but not one of torch.save, which begins with a number of its own")
	}
	h := &torchHost{storages: map[string]*torchStorage{}, fields: 6}
	var parts [4]any // version, machine, value, keys
	for i := range parts {
		v, n, err := pickle.Decode(rest[:min(len(rest), maxHeader)], h)
		if err != nil {
			return nil, nil, 0, fmt.Errorf("part %d of 4, from byte %d: %w", i+1, len(data)-len(rest), err)
		}
		parts[i], rest = v, rest[n:]
		size += n
	}
	if parts[0] != torchProtocol {
		return nil, nil, 0, fmt.Errorf("the version of its form is %v; it must be %d", parts[0], torchProtocol)
	}
	if err := torchMachine(parts[1]); err != nil {
		return nil, nil, 0, err
	}
	keys, ok := parts[3].(*pickle.List)
	if !ok {
		return nil, nil, 0, fmt.Errorf("the keys of its storages are %s; they must be a list", pickle.Kind(parts[3]))
	}
	blocks, err := torchBlocks(rest, keys.Items, h.storages)
	if err != nil {
		return nil, nil, 0, err
	}
	return parts[2], func(s *torchStorage) ([]byte, error) {
		b, ok := blocks[s.key]
		if !ok {
			return nil, fmt.Errorf("the file has no storage %q", excerpt.Of(s.key))
		}
		return b, nil
	}, size, nil
}

// torchMachine refuses big-endian machines.
func torchMachine(v any) error {
	d, ok := v.(*pickle.Dict)
	if !ok {
		return fmt.Errorf("the description of its machine is %s; it must be a dictionary", pickle.Kind(v))
	}
	for i, k := range d.Keys {
		if k == "little_endian" && d.Values[i] != true {
			return errors.New("it was written by a big-endian machine; the byte order must be little")
		}
	}
	return nil
}

// torchBlocks cuts the elements of the storages out of what follows the pickles.
func torchBlocks(rest []byte, keys []any, storages map[string]*torchStorage) (map[string][]byte, error) {
	blocks := make(map[string][]byte, len(keys))
	for i, k := range keys {
		key, _ := k.(string)
		s := storages[key]
		if s == nil || blocks[key] != nil {
			return nil, fmt.Errorf("storage %d is %q, which no tensor has, or which stood before", i, excerpt.Of(key))
		}
		size := s.bytes()
		if len(rest) < 8 || len(rest)-8 < size || binary.LittleEndian.Uint64(rest) != uint64(s.count) {
			return nil, fmt.Errorf("storage %q must have a count and %d elements of %d bytes; %d bytes are left, or the count is another", excerpt.Of(key), s.count, s.kind.size, len(rest))
		}
		blocks[key] = rest[8:][:size]
		rest = rest[8+size:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow its storages", len(rest))
	}
	return blocks, nil
}
