// Package tensorboard writes runs as event files of TensorBoard: scalars by step, histograms, pictures, and the settings for its hparams view.
//
// An event file is a row of records: the length in 8 bytes, little-endian; a checksum of these; an Event of TensorFlow's protocol buffers;
// and a checksum of that. A checksum is CRC-32C, turned right by 15 bits, plus a constant.
package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a record's parts.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// A Writer writes an event file. Its first error is that of every later call.
type Writer struct {
	w   io.Writer
	err error
}

// NewWriter begins an event file.
func NewWriter(w io.Writer) *Writer {
	t := &Writer{w: w}
	t.record(event(time.Time{}, 0, stringField(3, "brain.Event:2")))
	return t
}

// Err is the first error.
func (t *Writer) Err() error { return t.err }

func (t *Writer) record(b []byte) {
	if t.err != nil {
		return
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(b)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, b...)
	out = binary.LittleEndian.AppendUint32(out, masked(b))
	_, t.err = t.w.Write(out)
}

// value writes an event with one value of a summary.
func (t *Writer) value(at time.Time, step int, tag string, fields ...[]byte) {
	v := stringField(1, tag)
	for _, f := range fields {
		v = append(v, f...)
	}
	t.record(event(at, step, message(5, message(1, v))))
}

// Scalar writes a number, in float32.
func (t *Writer) Scalar(at time.Time, step int, tag string, v float64) {
	b := protowire.AppendTag(nil, 2, protowire.Fixed32Type)
	t.value(at, step, tag, protowire.AppendFixed32(b, math.Float32bits(float32(v))))
}

// Picture writes a picture that is encoded as PNG.
func (t *Writer) Picture(at time.Time, step int, tag string, width, height int, png []byte) {
	const rgba = 4
	b := varint(1, uint64(height))
	b = append(b, varint(2, uint64(width))...)
	b = append(b, varint(3, rgba)...)
	t.value(at, step, tag, message(4, append(b, message(4, png)...)))
}

// event is an Event with one field besides time and step.
func event(at time.Time, step int, field []byte) []byte {
	b := append(double(1, seconds(at)), varint(2, uint64(step))...)
	return append(b, field...)
}

// seconds are those since 1970; 0 where there is no time.
func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMicro()) / 1e6
}

// The fields of protocol buffers. A number that is 0 is left out, as those of version 3 have it, unless it is one of a choice.

func varint(n protowire.Number, v uint64) []byte {
	if v == 0 {
		return nil
	}
	return chosenVarint(n, v)
}

func chosenVarint(n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
}

func double(n protowire.Number, v float64) []byte {
	if math.Float64bits(v) == 0 {
		return nil
	}
	return chosenDouble(n, v)
}

func chosenDouble(n protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, n, protowire.Fixed64Type), math.Float64bits(v))
}

func message(n protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), content)
}

func stringField(n protowire.Number, s string) []byte { return message(n, []byte(s)) }

// doubles is a packed field of numbers.
func doubles(n protowire.Number, all []float64) []byte {
	var b []byte
	for _, v := range all {
		b = protowire.AppendFixed64(b, math.Float64bits(v))
	}
	return message(n, b)
}
