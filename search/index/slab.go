package index

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/search/lexical"
)

// castagnoli is the polynomial of all checksums here: machines have an instruction for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A slab is an unchanging run of rows, in the order in which they were added: the items of one Add,
// or several slabs that were merged. It is in memory or in a file's.
type slab struct {
	Options
	rows int

	codes   []int8      // blocks, as simd.Scan wants them
	scan    []float32   // the blocks' numbers
	steps   []float32   // Int8: what a row's codes times are its vector
	vectors []float32   // Float32: the rows' vectors
	sums    []uint32    // Float32: their checksums
	checked checkedRows // of a file

	bits bitCodes // Bits, in a file

	ids, fields texts    // one a row
	byID        []uint32 // the rows in the order of their identifiers
	labels      texts    // those that there are, sorted
	labelOf     []uint32 // each row's, its number in labels

	namesOnce  sync.Once // see names
	fieldNames []string

	wordsLock sync.Mutex
	words     *lexical.Index // see lexicon

	refs  atomic.Int32 // views that have it
	unmap func()       // gives the file's memory back; nil for a slab in memory
	file  string       // its name; "" for a slab in memory
}

func (s *slab) blocks() int    { return blocksOf(s.rows) }
func (s *slab) blockSize() int { return pairsOf(s.Dim) * 2 * simd.ScanRows }

func blocksOf(rows int) int { return (rows + simd.ScanRows - 1) / simd.ScanRows }

// size is about how many bytes the columns have.
func (s *slab) size() int {
	words := len(s.scan) + len(s.steps) + len(s.vectors) + len(s.sums) + len(s.byID) + len(s.labelOf)
	words += 2 * (len(s.ids.offsets) + len(s.fields.offsets) + len(s.labels.offsets))
	return len(s.codes) + 4*words + len(s.ids.bytes) + len(s.fields.bytes) + len(s.labels.bytes)
}

func (s *slab) hold() { s.refs.Add(1) }

// release tells whether nobody has the slab any more.
func (s *slab) release() bool {
	last := s.refs.Add(-1) == 0
	if last && s.unmap != nil {
		s.unmap()
	}
	return last
}

// newSlab makes a slab of items that were checked.
func newSlab(o Options, items []Item) *slab {
	n := len(items)
	s := &slab{Options: o, rows: n}
	s.codes = make([]int8, s.blocks()*s.blockSize())
	s.scan = make([]float32, s.blocks()*simd.ScanRows*simd.ScanColumns)
	for i := range items {
		s.ids.add([]byte(items[i].ID))
		s.fields.add(appendFields(nil, items[i].Fields))
	}
	s.setLabels(items)
	for i := range n {
		s.byID = append(s.byID, uint32(i))
	}
	slices.SortFunc(s.byID, func(a, b uint32) int { return strings.Compare(items[a].ID, items[b].ID) })
	s.encode(items)
	return s
}

func (s *slab) setLabels(items []Item) {
	var names []string
	for i := range items {
		names = append(names, items[i].Label)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		s.labels.add([]byte(name))
	}
	for i := range items {
		number, _ := s.labels.find(items[i].Label)
		s.labelOf = append(s.labelOf, uint32(number))
	}
}

// encode fills the columns that vectors make.
func (s *slab) encode(items []Item) {
	code := rowCode{codes: make([]int8, 2*pairsOf(s.Dim))}
	if s.Storage == Float32 {
		s.vectors = make([]float32, 0, s.rows*s.Dim)
	}
	for i := range items {
		code.encode(s.Options, items[i].Vector)
		codes, scan := s.block(i / simd.ScanRows)
		code.put(codes, scan, i%simd.ScanRows)
		if s.Storage == Int8 {
			s.steps = append(s.steps, code.step)
			continue
		}
		s.vectors = append(s.vectors, items[i].Vector...)
		s.sums = append(s.sums, checksum(items[i].Vector))
	}
}

// block returns the codes and the numbers of block b.
func (s *slab) block(b int) ([]int8, []float32) {
	return s.codes[b*s.blockSize():][:s.blockSize()], s.scan[b*simd.ScanRows*simd.ScanColumns:][:simd.ScanRows*simd.ScanColumns]
}

func checksum(v []float32) uint32 { return crc32.Checksum(bytesOf(v), castagnoli) }

// bytesOf is the memory of x.
func bytesOf[T any](x []T) []byte {
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(one)))
}

// find returns the row of an identifier; it may be dead.
func (s *slab) find(id string) (row int, ok bool) {
	i, ok := slices.BinarySearchFunc(s.byID, id, func(row uint32, id string) int { return strings.Compare(s.ids.view(int(row)), id) })
	if !ok {
		return 0, false
	}
	return int(s.byID[i]), true
}

// vector returns a row's vector, in scratch if it is nowhere as it is.
func (s *slab) vector(row int, scratch []float32) ([]float32, error) {
	if s.Storage == Int8 {
		codes, _ := s.block(row / simd.ScanRows)
		step := s.steps[row]
		for t := range scratch {
			scratch[t] = step * float32(codes[t/2*2*simd.ScanRows+row%simd.ScanRows*2+t%2])
		}
		return scratch, nil
	}
	return s.vectorAt(s.at(row), row)
}

// at is the place of a row's vector.
func (s *slab) at(row int) int {
	if len(s.bits.places) > 0 {
		return int(s.bits.places[row])
	}
	return row
}

// vectorAt returns the vector at a row's place. What is read of a file is checked, see checkedRows.
func (s *slab) vectorAt(at, row int) ([]float32, error) {
	v := s.vectors[at*s.Dim:][:s.Dim]
	if s.file == "" || s.checked.has(at) {
		return v, nil
	}
	if checksum(v) != s.sums[at] {
		return nil, fmt.Errorf("index: %s is damaged: the vector of item %q is not what was written", s.file, s.ids.view(row))
	}
	s.checked.set(at)
	return v, nil
}

// item returns a copy of a row.
func (s *slab) item(row int) (Item, error) {
	v, err := s.vector(row, make([]float32, s.Dim))
	if err != nil {
		return Item{}, err
	}
	fields, err := s.fieldsOf(row)
	return Item{ID: string(s.ids.at(row)), Vector: slices.Clone(v), Label: s.label(row), Fields: fields}, err
}

func (s *slab) label(row int) string { return string(s.labels.at(int(s.labelOf[row]))) }

func (s *slab) fieldsOf(row int) (map[string]string, error) {
	fields, err := parseFields(s.fields.at(row))
	if err != nil {
		return nil, fmt.Errorf("index: fields of item %q: %w", s.ids.view(row), err)
	}
	return fields, nil
}
