//go:build !unix

package mapped

import (
	"io"
	"os"
	"unsafe"
)

// Open returns a file's bytes, read at once: no file is open that might have to be removed.
func Open(path string) (data []byte, unmap func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	words := make([]uint64, (info.Size()+7)/8) // so that the bytes begin at a multiple of 8
	data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))[:info.Size()]
	_, err = io.ReadFull(f, data)
	return data, func() {}, err
}
