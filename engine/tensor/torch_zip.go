package tensor

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/pickle"
)

// decodeTorchZip reads an archive: a pickle, data.pkl, and a record for each storage, data/KEY, in one folder of any name.
func decodeTorchZip(data []byte) (object any, storages func(*torchStorage) ([]byte, error), size int, err error) {
	a, err := openTorchZip(data)
	if err != nil {
		return nil, nil, 0, err
	}
	if a.files["constants.pkl"] != nil {
		return nil, nil, 0, errors.New("it is a module of torch.jit.save; torch.save(module.state_dict(), path) writes its tensors")
	}
	if a.files["byteorder"] != nil {
		order, err := a.record("byteorder")
		if err != nil {
			return nil, nil, 0, err
		}
		if string(order) != "little" {
			return nil, nil, 0, fmt.Errorf("its byte order is %q; it must be little", excerpt.Of(order))
		}
	}
	code, err := a.record("data.pkl")
	if err != nil {
		return nil, nil, 0, err
	}
	if len(code) > maxHeader {
		return nil, nil, 0, fmt.Errorf("its pickle has %d bytes; at most %d are allowed", len(code), maxHeader)
	}
	object, n, err := pickle.Decode(code, &torchHost{storages: map[string]*torchStorage{}, fields: 5})
	if err == nil && n != len(code) {
		err = fmt.Errorf("%d bytes follow the pickle in data.pkl", len(code)-n)
	}
	return object, a.storage, len(code), err
}

// A torchArchive is a zip archive in memory, whose records stand in it as they are.
type torchArchive struct {
	data    []byte
	files   map[string]*zip.File // by their names in the one folder
	checked map[string][]byte    // those that were read
}

func openTorchZip(data []byte) (*torchArchive, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: the archive has no list of its records, or it is cut off", err)
	}
	a := &torchArchive{data, map[string]*zip.File{}, map[string][]byte{}}
	folder := ""
	for i, f := range r.File {
		dir, name, ok := strings.Cut(f.Name, "/")
		if i == 0 {
			folder = dir
		}
		if !ok || dir != folder {
			return nil, fmt.Errorf("the archive has the record %q; all must be in one folder, of which one is data.pkl", excerpt.Of(f.Name))
		}
		if a.files[name] != nil {
			return nil, fmt.Errorf("the archive has two records %q", excerpt.Of(f.Name))
		}
		a.files[name] = f
	}
	return a, nil
}

// record is what a file of the archive holds.
func (a *torchArchive) record(name string) ([]byte, error) {
	if b, ok := a.checked[name]; ok {
		return b, nil
	}
	f := a.files[name]
	if f == nil {
		return nil, fmt.Errorf("the archive has no record %q: it is not one of torch.save", excerpt.Of(name))
	}
	fail := func(format string, arguments ...any) ([]byte, error) {
		return nil, fmt.Errorf("record %q "+format, append([]any{excerpt.Of(name)}, arguments...)...)
	}
	if f.Method != zip.Store || f.Flags&1 != 0 || f.CompressedSize64 != f.UncompressedSize64 {
		return fail("is compressed or encrypted; it must be stored as it is")
	}
	at, err := f.DataOffset()
	if err != nil || at < 0 || at > int64(len(a.data)) || f.UncompressedSize64 > uint64(int64(len(a.data))-at) {
		return fail("has %d bytes that are not all in the file", f.UncompressedSize64)
	}
	b := a.data[at:][:f.UncompressedSize64]
	if f.CRC32 != 0 && crc32.ChecksumIEEE(b) != f.CRC32 {
		return fail("is damaged (%w): its checksum is %08x, and that of its bytes %08x", ErrDamaged, f.CRC32, crc32.ChecksumIEEE(b))
	}
	a.checked[name] = b
	return b, nil
}

// storage is the bytes of a storage, or more.
func (a *torchArchive) storage(s *torchStorage) ([]byte, error) {
	b, err := a.record("data/" + s.key)
	if err == nil && len(b) < s.bytes() {
		err = fmt.Errorf("record %q has %d bytes; its storage of %d elements has %d", excerpt.Of("data/"+s.key), len(b), s.count, s.bytes())
	}
	return b, err
}
