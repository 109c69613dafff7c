package token

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A charsMap is SentencePiece's table of texts and what is written for them: a trie as a double array, as Darts-clone writes it, and texts with a zero behind each.
//
// Source: [yata2007] for the double array.
type charsMap struct {
	units []uint32
	texts []byte
}

// newCharsMap reads one: the length of the trie in four bytes, the trie, the texts.
func newCharsMap(blob []byte) (*charsMap, error) {
	if len(blob) < 4 {
		return nil, fmt.Errorf("the table of characters has %d bytes; it must have 4 at least", len(blob))
	}
	n := int64(binary.LittleEndian.Uint32(blob))
	rest := blob[4:]
	if n == 0 || n%4 != 0 || n > int64(len(rest)) {
		return nil, fmt.Errorf("the trie of the table of characters has %d bytes; it must be a multiple of 4, and at most the %d that follow", n, len(rest))
	}
	m := &charsMap{units: make([]uint32, n/4), texts: rest[n:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(rest[4*i:])
	}
	if len(m.texts) > 0 && m.texts[len(m.texts)-1] != 0 {
		return nil, errors.New("the table of characters does not end with a zero")
	}
	return m, nil
}

// lookup returns what is written for a beginning of a text, and its length in bytes: the longest that the table has, or the shortest. Where it has none, the length is 0.
func (m *charsMap) lookup(text string, shortest bool) (written string, length int) {
	offset := func(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
	at := offset(m.units[0])
	for i := range len(text) {
		at ^= uint32(text[i])
		if int64(at) >= int64(len(m.units)) || m.units[at]&(1<<31|0xff) != uint32(text[i]) {
			break
		}
		unit := m.units[at]
		if at ^= offset(unit); int64(at) >= int64(len(m.units)) {
			break
		}
		if unit>>8&1 == 0 {
			continue
		}
		from := int64(m.units[at] & (1<<31 - 1))
		if from > int64(len(m.texts)) {
			break
		}
		end := bytes.IndexByte(m.texts[from:], 0)
		if end < 0 || !utf8.Valid(m.texts[from:from+int64(end)]) {
			break
		}
		if written, length = string(m.texts[from:from+int64(end)]), i+1; shortest {
			break
		}
	}
	return written, length
}
