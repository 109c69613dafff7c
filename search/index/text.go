package index

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"
	"unsafe"
)

// texts is a list of strings: number i is bytes[offsets[i]:offsets[i+1]].
type texts struct {
	offsets []uint64
	bytes   []byte
}

func (t *texts) len() int { return max(len(t.offsets), 1) - 1 }

func (t *texts) add(s []byte) {
	if len(t.offsets) == 0 {
		t.offsets = append(t.offsets, 0)
	}
	t.bytes = append(t.bytes, s...)
	t.offsets = append(t.offsets, uint64(len(t.bytes)))
}

func (t *texts) at(i int) []byte { return t.bytes[t.offsets[i]:t.offsets[i+1]] }

// view is text i without a copy: it is gone when the list is.
func (t *texts) view(i int) string {
	b := t.at(i)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// find returns where s is in a sorted list.
func (t *texts) find(s string) (int, bool) {
	return sort.Find(t.len(), func(i int) int { return strings.Compare(s, t.view(i)) })
}

// valid tells whether every text is within bytes.
func (t *texts) valid(n int) bool {
	if len(t.offsets) != n+1 || t.offsets[0] != 0 || t.offsets[n] != uint64(len(t.bytes)) {
		return false
	}
	return slices.IsSorted(t.offsets)
}

var errCut = errors.New("text is cut off")

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// cutText parts what appendText wrote from what is behind it.
func cutText(b []byte) (s, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, errCut
	}
	b = b[size:]
	return b[:n], b[n:], nil
}

// appendFields writes fields in the order of their names; none is nothing.
func appendFields(dst []byte, fields map[string]string) []byte {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		dst = appendText(appendText(dst, key), fields[key])
	}
	return dst
}

// parseFields reads what appendFields wrote.
func parseFields(b []byte) (map[string]string, error) {
	var fields map[string]string
	for len(b) > 0 {
		key, value, rest, err := cutField(b)
		if err != nil {
			return nil, err
		}
		if fields == nil {
			fields = map[string]string{}
		}
		fields[string(key)] = string(value)
		b = rest
	}
	return fields, nil
}

func cutField(b []byte) (key, value, rest []byte, err error) {
	if key, rest, err = cutText(b); err == nil {
		value, rest, err = cutText(rest)
	}
	return key, value, rest, err
}
