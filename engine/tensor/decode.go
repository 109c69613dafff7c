package tensor

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Decode reads a safetensors file from memory, which it does not keep. The tensors
// come in the order of the header.
//
// F32 and F64 are read as they are; F16, BF16, U8, I8, I16 and BOOL become float32,
// all exactly; I32, U32, I64 and U64 become float64, exact up to 2⁵³.
//
// A digest that Encode wrote is checked, and is not among the metadata. A file without
// one, as other programs write them, is read all the same.
//
// Errors: ErrDamaged where the digest is not that of the bytes, or where its entry is
// itself damaged; whatever the format does not allow (a header that is cut off, too long, or
// not the JSON that it must be; a name twice; a shape that does not fit its range of
// bytes; ranges that overlap, leave gaps or do not end with the data), and other types.
func Decode(data []byte) (*File, error) {
	head, body, err := split(data)
	if err != nil {
		return nil, err
	}
	if sealed(head) {
		if err := checkDigest(data); err != nil {
			return nil, err
		}
	}
	f := &File{}
	entries, err := parseHeader(head, f)
	if err != nil {
		return nil, err
	}
	if err := checkRanges(entries, len(body)); err != nil {
		return nil, err
	}
	f.Tensors = make([]Named, len(entries))
	for i, e := range entries {
		t := New(e.kind.as, e.shape...)
		e.kind.read(t, body[e.start:e.end])
		t.stored = e.kind.name
		f.Tensors[i] = Named{e.name, t}
	}
	return f, nil
}

// split cuts a file into header and elements.
func split(data []byte) (head, body []byte, err error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("safetensors: %d bytes; the length of the header alone takes 8", len(data))
	}
	n, rest := binary.LittleEndian.Uint64(data), data[8:]
	switch {
	case n > maxHeader:
		return nil, nil, fmt.Errorf("safetensors: a header of %d bytes; at most %d are allowed (is this a safetensors file?)", n, maxHeader)
	case n > uint64(len(rest)):
		return nil, nil, fmt.Errorf("safetensors: a header of %d bytes, and %d follow: the file is cut off", n, len(rest))
	}
	head, body = rest[:n], rest[n:]
	if len(head) == 0 || head[0] != '{' {
		return nil, nil, errors.New("safetensors: the header does not start with '{'")
	}
	if !utf8.Valid(head) {
		return nil, nil, errors.New("safetensors: the header is not UTF-8")
	}
	return head, body, nil
}

// entry is a tensor's line in the header.
type entry struct {
	name       string
	kind       kind
	shape      []int
	start, end int
}

// checkRanges holds the entries against the rule that their bytes fill the body
// without gap or overlap, so that what is allocated later is bounded by the file.
func checkRanges(entries []entry, size int) error {
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(entries[a].start, entries[b].start), cmp.Compare(entries[a].end, entries[b].end))
	})
	at := 0
	for _, i := range order {
		e := entries[i]
		if e.start != at {
			return fmt.Errorf("safetensors: tensor %q starts at byte %d; %d is where the one before it ends", excerpt.Of(e.name), e.start, at)
		}
		if e.end < e.start || e.end > size {
			return fmt.Errorf("safetensors: tensor %q has bytes %d to %d of %d", excerpt.Of(e.name), e.start, e.end, size)
		}
		if n, err := volume(e.shape); err != nil || n > math.MaxInt/8 || n*e.kind.size != e.end-e.start {
			return fmt.Errorf("safetensors: tensor %q of type %s and shape %v has %d bytes", excerpt.Of(e.name), e.kind.name, e.shape, e.end-e.start)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("safetensors: the tensors end at byte %d of %d", at, size)
	}
	return nil
}

// parseHeader reads the entries and, into f, the metadata.
func parseHeader(head []byte, f *File) ([]entry, error) {
	p := parser{dec: json.NewDecoder(bytes.NewReader(head))}
	p.dec.UseNumber()
	var entries []entry
	p.object(func(name string) {
		if name == metadataKey {
			f.Metadata = map[string]string{}
			p.object(func(key string) { f.Metadata[key] = p.text() })
			return
		}
		entries = append(entries, p.entry(name))
	})
	if p.err == nil {
		if _, err := p.dec.Token(); err != io.EOF {
			p.err = errors.New("more follows the object")
		}
	}
	if p.err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", p.err)
	}
	if !sealed(head) {
		return entries, checkUnsealed(f.Metadata)
	}
	delete(f.Metadata, digestKey)
	if len(f.Metadata) == 0 {
		f.Metadata = nil
	}
	return entries, nil
}

// parser reads JSON token by token, since encoding/json's own decoding takes the
// last of two equal names, null for anything and names in any case. After the first
// error its methods do nothing.
type parser struct {
	dec *json.Decoder
	err error
}

func (p *parser) token() json.Token {
	if p.err != nil {
		return nil
	}
	t, err := p.dec.Token()
	p.err = err
	return t
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) delim(d json.Delim) {
	if t := p.token(); t != d {
		p.fail("%v where %v must be", t, d)
	}
}

func (p *parser) text() string {
	s, ok := p.token().(string)
	if !ok {
		p.fail("something else where a string must be, before byte %d", p.dec.InputOffset())
	}
	return s
}

func (p *parser) integer() int {
	t := p.token()
	n, ok := t.(json.Number)
	v, err := strconv.ParseInt(n.String(), 10, strconv.IntSize)
	if !ok || err != nil || v < 0 {
		p.fail("%v where a whole number from 0 to %d must be", t, math.MaxInt)
	}
	return int(v)
}

// object reads an object whose names differ; value reads the value of one.
func (p *parser) object(value func(name string)) {
	seen := map[string]bool{}
	for p.delim('{'); p.err == nil && p.dec.More(); {
		name := p.text()
		if seen[name] {
			p.fail("%q is there twice", excerpt.Of(name))
		}
		seen[name] = true
		value(name)
	}
	p.delim('}')
}

func (p *parser) integers() []int {
	xs := []int{}
	for p.delim('['); p.err == nil && p.dec.More(); {
		xs = append(xs, p.integer())
	}
	p.delim(']')
	return xs
}

func (p *parser) entry(name string) entry {
	e := entry{name: name}
	fields, ranges := 0, []int(nil)
	p.object(func(field string) {
		fields++
		switch field {
		case "dtype":
			e.kind = p.kind(name)
		case "shape":
			e.shape = p.integers()
		case "data_offsets":
			ranges = p.integers()
		default:
			p.fail("tensor %q has an unknown field %q", excerpt.Of(name), excerpt.Of(field))
		}
	})
	if fields != 3 || len(ranges) != 2 {
		p.fail("tensor %q must have dtype, shape and two data_offsets", excerpt.Of(name))
		return e
	}
	e.start, e.end = ranges[0], ranges[1]
	return e
}

func (p *parser) kind(name string) kind {
	s := p.text()
	for _, k := range kinds {
		if k.name == s {
			return k
		}
	}
	p.fail("tensor %q has type %q, which is not one that can be read", excerpt.Of(name), excerpt.Of(s))
	return kind{}
}
