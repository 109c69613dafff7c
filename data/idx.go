package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxPixels bounds what one file may declare.
const maxPixels = 1 << 30

// ErrFormat is behind every error about a file that is not what it should be.
var ErrFormat = errors.New("not a valid IDX file")

// ReadIDXImages reads an IDX file of byte pictures [N, H, W], gzipped or not.
func ReadIDXImages(r io.Reader) (pixels []byte, n, h, w int, err error) {
	dims, body, err := readIDX(r, 3)
	if err != nil {
		return nil, 0, 0, 0, err
	}
	return body, dims[0], dims[1], dims[2], nil
}

// ReadIDXLabels reads an IDX file of byte labels [N], gzipped or not.
func ReadIDXLabels(r io.Reader) ([]byte, error) {
	_, body, err := readIDX(r, 1)
	return body, err
}

// readIDX reads a header of the given rank and as many bytes as it declares, and
// wants the input to end there.
func readIDX(r io.Reader, rank int) (dims []int, body []byte, err error) {
	br := bufio.NewReader(r)
	if head, _ := br.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		gz, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %v", ErrFormat, err)
		}
		br = bufio.NewReader(gz)
	}
	header := make([]byte, 4+4*rank)
	if _, err := io.ReadFull(br, header[:4]); err != nil {
		return nil, nil, fmt.Errorf("%w: it has no room for a magic number: %v", ErrFormat, err)
	}
	if magic, want := binary.BigEndian.Uint32(header), uint32(0x0800+rank); magic != want {
		return nil, nil, fmt.Errorf("%w: magic number %#08x at byte 0, want %#08x (unsigned bytes, %d dimensions)", ErrFormat, magic, want, rank)
	}
	if _, err := io.ReadFull(br, header[4:]); err != nil {
		return nil, nil, fmt.Errorf("%w: header of %d bytes cut short: %v", ErrFormat, len(header), err)
	}
	size := uint64(1)
	for i := range rank {
		d := uint64(binary.BigEndian.Uint32(header[4+4*i:]))
		if d == 0 {
			return nil, nil, fmt.Errorf("%w: dimension %d at byte %d is 0", ErrFormat, i, 4+4*i)
		}
		if d > maxPixels/size {
			return nil, nil, fmt.Errorf("%w: it declares more than %d bytes", ErrFormat, uint64(maxPixels))
		}
		size *= d
		dims = append(dims, int(d))
	}
	body, err = readExactly(br, int64(size))
	return dims, body, err
}

// readExactly reads size bytes and wants the end of input behind them. Memory grows
// with what arrives, not with what is declared.
func readExactly(r io.Reader, size int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: after %d of %d bytes: %v", ErrFormat, min(int64(len(body)), size), size, err)
	case int64(len(body)) < size:
		return nil, fmt.Errorf("%w: it ends after %d of the %d bytes that its header declares", ErrFormat, len(body), size)
	case int64(len(body)) > size:
		return nil, fmt.Errorf("%w: more bytes follow the %d that its header declares", ErrFormat, size)
	}
	return body, nil
}
