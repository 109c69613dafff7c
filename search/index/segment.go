package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"github.com/energo-ml/energo/internal/mapped"
	"github.com/energo-ml/energo/internal/simd"
)

// A segment is a slab as a file, which is mapped as it is: the columns one behind the other,
// each at a multiple of 64 bytes, and a footer that says where they are. Numbers are in the
// order of little-endian machines.
const (
	segmentMagic = "energoSG"
	segmentAlign = 64
)

// versionColumns is how many columns a segment of each version has. One without bits is written as of version 1, so that
// programs read it that know no other.
// Version 2 had vectors in the order of rows, and is not read.
var versionColumns = map[uint32]int{1: columnBits, 2: columnPlaces, 3: numColumns}

// The columns of a segment.
const (
	columnVectors = iota
	columnSums
	columnSteps
	columnCodes
	columnScan
	columnIDs
	columnIDText
	columnFields
	columnFieldText
	columnByID
	columnLabelOf
	columnLabels
	columnLabelText
	columnBits
	columnBitScan
	columnBitRows
	columnMean
	columnCenters
	columnRadii
	columnFirst
	columnPlaces
	numColumns
)

// footer ends a segment: the head, the columns that its version has, and the sum of both.
type footer struct {
	footerHead
	Columns [numColumns]column
}

type footerHead struct {
	Magic           [8]byte
	Version, Dim    uint32
	Metric, Storage uint32 // places in Metrics and Storages
	Rows            uint64
}

// column says where one is. Its sum is 0 for the vectors, of which each has its own.
type column struct {
	Offset, Size uint64
	Sum          uint32
}

// footerSize is that of a footer of some columns.
func footerSize(columns int) int {
	const sum = 4
	return binary.Size(footerHead{}) + columns*binary.Size(column{}) + sum
}

// errBigEndian is for the few machines on which a mapped file would be read backwards.
var errBigEndian = errors.New("index: this machine is big-endian, and the files are not")

func checkEndian() error {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) != 1 {
		return errBigEndian
	}
	return nil
}

// segmentWriter writes columns in their order, and remembers where they are.
type segmentWriter struct {
	w    io.Writer
	at   uint64
	foot footer
	next int // column
	err  error
}

// Write is for the column that is being written.
func (s *segmentWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.at += uint64(n)
	c := &s.foot.Columns[s.next]
	c.Size += uint64(n)
	if s.next != columnVectors {
		c.Sum = crc32.Update(c.Sum, castagnoli, p[:n])
	}
	return n, err
}

// column writes the next column.
func (s *segmentWriter) column(write func(w io.Writer) error) {
	if s.err != nil {
		return
	}
	s.foot.Columns[s.next].Offset = s.at
	s.err = write(s)
	s.next++
	if over := s.at % segmentAlign; over != 0 && s.err == nil {
		var n int
		n, s.err = s.w.Write(make([]byte, segmentAlign-over))
		s.at += uint64(n)
	}
}

func (s *segmentWriter) bytes(b []byte) {
	s.column(func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

func (s *segmentWriter) texts(t *texts) {
	if len(t.offsets) == 0 {
		t.offsets = []uint64{0}
	}
	s.bytes(bytesOf(t.offsets))
	s.bytes(t.bytes)
}

// finish writes the footer.
func (s *segmentWriter) finish(o Options, rows int) error {
	copy(s.foot.Magic[:], segmentMagic)
	s.foot.Version, s.foot.Dim, s.foot.Rows = 1, uint32(o.Dim), uint64(rows)
	if s.foot.Columns[columnBits].Size > 0 {
		s.foot.Version = 3
	}
	s.foot.Metric, s.foot.Storage = uint32(slices.Index(Metrics, o.Metric)), uint32(slices.Index(Storages, o.Storage))
	if s.err == nil {
		_, s.err = s.w.Write(s.foot.marshal())
	}
	return s.err
}

// marshal returns the footer with its sum.
func (f *footer) marshal() []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, f.footerHead) // cannot fail: the sizes are fixed
	_ = binary.Write(&b, binary.LittleEndian, f.Columns[:versionColumns[f.Version]])
	return binary.LittleEndian.AppendUint32(b.Bytes(), sumOf(b.Bytes()))
}

// openSegment maps a segment of an index of o.
func openSegment(dir, name string, o Options) (*slab, error) {
	data, unmap, err := mapped.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, openError(dir, name, err)
	}
	s, err := parseSegment(data, o)
	if err != nil {
		unmap()
		return nil, fmt.Errorf("index: %s is damaged: %w", filepath.Join(dir, name), err)
	}
	s.file, s.unmap = name, unmap
	if len(s.bits.rows) > 0 {
		mapped.Scattered(bytesOf(s.vectors)) // a search reads single ones in many cells
	}
	return s, nil
}

// openError says why a file that the manifest names cannot be opened. If it is missing, that is no fs.ErrNotExist:
// there is an index.
func openError(dir, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("index: %s is damaged: it has no %s, which its %s names", dir, name, manifestName)
	}
	return fmt.Errorf("index: %w", err)
}

// parseSegment makes a slab of a segment's bytes, which must begin at a multiple of 8. What
// it returns can be used without a fault, whatever the bytes.
func parseSegment(data []byte, o Options) (*slab, error) {
	f, err := parseFooter(data, o)
	if err != nil {
		return nil, err
	}
	var columns [numColumns][]byte
	for i, c := range f.Columns {
		if c.Offset%segmentAlign != 0 || c.Offset > uint64(len(data)) || c.Size > uint64(len(data))-c.Offset {
			return nil, fmt.Errorf("column %d is not within the file", i)
		}
		columns[i] = data[c.Offset:][:c.Size]
	}
	if err := verify(&f, columns[:]); err != nil {
		return nil, err
	}
	s := &slab{
		Options: o, rows: int(f.Rows),
		codes: as[int8](columns[columnCodes]), scan: as[float32](columns[columnScan]), steps: as[float32](columns[columnSteps]),
		vectors: as[float32](columns[columnVectors]), sums: as[uint32](columns[columnSums]), checked: newCheckedRows(len(columns[columnSums]) / 4),
		ids:    texts{as[uint64](columns[columnIDs]), columns[columnIDText]},
		fields: texts{as[uint64](columns[columnFields]), columns[columnFieldText]},
		byID:   as[uint32](columns[columnByID]), labelOf: as[uint32](columns[columnLabelOf]),
		labels: texts{as[uint64](columns[columnLabels]), columns[columnLabelText]},
		bits: bitCodes{
			columns[columnBits], as[float32](columns[columnBitScan]), as[uint32](columns[columnBitRows]), as[float32](columns[columnMean]),
			as[float32](columns[columnCenters]), as[float32](columns[columnRadii]), as[uint32](columns[columnFirst]), as[uint32](columns[columnPlaces]),
		},
	}
	return s, s.validate()
}

func parseFooter(data []byte, o Options) (f footer, err error) {
	if f, err = findFooter(data); err != nil {
		return f, err
	}
	if int64(f.Dim) != int64(o.Dim) || int(f.Metric) != slices.Index(Metrics, o.Metric) || int(f.Storage) != slices.Index(Storages, o.Storage) {
		return f, errors.New("it is of an index of another kind")
	}
	if f.Rows > uint64(len(data)) {
		return f, fmt.Errorf("it claims %d rows in %d bytes", f.Rows, len(data))
	}
	return f, nil
}

// findFooter reads the footer of a segment of any version: each has its own size.
func findFooter(data []byte) (f footer, err error) {
	if least := footerSize(versionColumns[1]); len(data) < least {
		return f, fmt.Errorf("it has %d bytes, less than a footer's %d", len(data), least)
	}
	for _, version := range []uint32{3, 2, 1} {
		n := versionColumns[version]
		tail := data[max(0, len(data)-footerSize(n)):]
		body := tail[:len(tail)-4]
		if len(tail) < footerSize(n) || string(tail[:len(segmentMagic)]) != segmentMagic || sumOf(body) != binary.LittleEndian.Uint32(tail[len(body):]) {
			continue
		}
		head, err := binary.Decode(body, binary.LittleEndian, &f.footerHead)
		if err == nil {
			_, err = binary.Decode(body[head:], binary.LittleEndian, f.Columns[:n])
		}
		if err == nil && (f.Version != version || version == 2) {
			err = fmt.Errorf("it is of version %d; this program reads 1 and 3", f.Version)
		}
		return f, err
	}
	return f, errors.New("its footer is not what was written")
}

// verify compares the columns' checksums, several at a time.
func verify(f *footer, columns [][]byte) error {
	j := &verifyJob{columns: columns}
	simd.Run(numColumns, j)
	for i, c := range f.Columns {
		if i != columnVectors && j.sums[i] != c.Sum {
			return fmt.Errorf("column %d is not what was written", i)
		}
	}
	return nil
}

type verifyJob struct {
	columns [][]byte
	sums    [numColumns]uint32
}

func (j *verifyJob) Do(i, _ int) {
	if i != columnVectors {
		j.sums[i] = crc32.Checksum(j.columns[i], castagnoli)
	}
}

// as sees bytes as elements of another type; a rest that fills none is left off.
func as[T any](b []byte) []T {
	var one T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(one)))
}

// validate checks that every column has its length and that no number leads out of one.
func (s *slab) validate() error {
	blocks, sums, steps := s.blocks(), s.rows, 0
	if len(s.bits.rows) > 0 {
		blocks, sums = 0, len(s.bits.rows) // such a slab has no codes, and vectors at the places of the bits
	}
	vectors := sums * s.Dim
	if s.Storage == Int8 {
		vectors, steps, sums = 0, s.rows, 0
	}
	switch {
	case len(s.codes) != blocks*s.blockSize(), len(s.scan) != blocks*simd.ScanRows*simd.ScanColumns,
		len(s.vectors) != vectors, len(s.steps) != steps, len(s.sums) != sums,
		len(s.byID) != s.rows, len(s.labelOf) != s.rows:
		return fmt.Errorf("a column is not of %d rows", s.rows)
	case !s.bits.valid(s.Options, s.rows):
		return errors.New("the columns of bits are not of its rows")
	case !s.ids.valid(s.rows), !s.fields.valid(s.rows), !s.labels.valid(s.labels.len()):
		return errors.New("a text is not within its column")
	case !below(s.labelOf, s.labels.len()):
		return errors.New("a number of a label is too large")
	case !permutation(s.byID):
		return errors.New("the order of the identifiers does not have every row once")
	}
	return nil
}

func permutation(x []uint32) bool {
	seen := make([]bool, len(x))
	for _, v := range x {
		if int64(v) >= int64(len(x)) || seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}

func below(x []uint32, n int) bool {
	for _, v := range x {
		if int64(v) >= int64(n) {
			return false
		}
	}
	return true
}

// removeFile removes what nothing refers to any more. What stays is swept when the index is
// opened the next time.
func removeFile(dir, name string) { _ = os.Remove(filepath.Join(dir, name)) }
