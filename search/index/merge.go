package index

import (
	"bytes"
	"io"
	"slices"

	"github.com/energo-ml/energo/internal/simd"
)

// A place is a row of one of the parts that are merged.
type place struct{ part, row uint32 }

// merge is the making of one slab of the rows of several parts that are still there.
type merge struct {
	Options
	parts    []part
	places   []place // of each row of the new slab
	withBits bool    // the new slab is to have them
}

func newMerge(o Options, parts []part) *merge {
	m := &merge{Options: o, parts: parts}
	for i := range parts {
		for row := range parts[i].rows {
			if !parts[i].dead.has(row) {
				m.places = append(m.places, place{uint32(i), uint32(row)})
			}
		}
	}
	return m
}

// mergeInMemory returns the parts as one slab.
func mergeInMemory(o Options, parts []part) (*slab, error) {
	size := footerSize(numColumns) + 2*numColumns*segmentAlign
	for i := range parts {
		size += parts[i].size()
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	if err := newMerge(o, parts).write(b); err != nil {
		return nil, err
	}
	return parseSegment(b.Bytes(), o)
}

// write writes the new slab as a segment.
func (m *merge) write(w io.Writer) error {
	s := &segmentWriter{w: w}
	bits := bitCodes{}
	if m.hasBits() {
		e, err := m.encoder()
		if err != nil {
			return err
		}
		s.column(e.vectors)
		s.column(e.sums)
		s.bytes(nil)
		s.bytes(nil) // by bits such a slab is searched, not by codes
		s.bytes(nil)
		bits = e.out
	} else {
		s.column(m.vectors)
		s.column(m.sums)
		s.column(m.steps)
		s.column(m.codes)
		s.bytes(bytesOf(m.scan()))
	}
	s.texts(m.texts(func(p *part) *texts { return &p.ids }))
	s.texts(m.texts(func(p *part) *texts { return &p.fields }))
	s.bytes(bytesOf(m.byID()))
	labels, labelOf := m.labels()
	s.bytes(bytesOf(labelOf))
	s.texts(labels)
	bits.columns(s)
	return s.finish(m.Options, len(m.places))
}

func (m *merge) hasBits() bool { return m.withBits && len(m.places) > 0 }

func (m *merge) vectors(w io.Writer) error {
	if m.Storage == Int8 {
		return nil
	}
	for _, at := range m.places {
		v, err := m.parts[at.part].vector(int(at.row), nil) // looks at the checksum, too
		if err != nil {
			return err
		}
		if _, err := w.Write(bytesOf(v)); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) sums(w io.Writer) error {
	if m.Storage == Int8 {
		return nil
	}
	return write(w, m, func(p *part, row int) uint32 { return p.slab.sums[p.at(row)] })
}

func (m *merge) steps(w io.Writer) error {
	if m.Storage != Int8 {
		return nil
	}
	return write(w, m, func(p *part, row int) float32 { return p.slab.steps[row] })
}

// write writes a number of each row.
func write[T any](w io.Writer, m *merge, of func(p *part, row int) T) error {
	out := make([]T, len(m.places))
	for i, at := range m.places {
		out[i] = of(&m.parts[at.part], int(at.row))
	}
	_, err := w.Write(bytesOf(out))
	return err
}

// codes moves rows to their new blocks. A block that stays together is copied as it is.
func (m *merge) codes(w io.Writer) error {
	size := pairsOf(m.Dim) * 2 * simd.ScanRows
	block := make([]int8, size)
	for first := 0; first < len(m.places); first += simd.ScanRows {
		places := m.places[first:min(first+simd.ScanRows, len(m.places))]
		out := block
		if whole(places) {
			out, _ = m.parts[places[0].part].block(int(places[0].row) / simd.ScanRows)
		} else {
			m.moveCodes(block, places)
		}
		if _, err := w.Write(bytesOf(out)); err != nil {
			return err
		}
	}
	return nil
}

// whole tells whether the places are a block.
func whole(places []place) bool {
	first, last := places[0], places[len(places)-1]
	return len(places) == simd.ScanRows && first.part == last.part && first.row%simd.ScanRows == 0 && last.row-first.row == simd.ScanRows-1
}

func (m *merge) moveCodes(block []int8, places []place) {
	clear(block)
	for i, at := range places {
		from, _ := m.parts[at.part].block(int(at.row) / simd.ScanRows)
		r := int(at.row) % simd.ScanRows
		for p := 0; p < len(block); p += 2 * simd.ScanRows {
			block[p+2*i], block[p+2*i+1] = from[p+2*r], from[p+2*r+1]
		}
	}
}

func (m *merge) scan() []float32 {
	const size = simd.ScanRows * simd.ScanColumns
	out := make([]float32, blocksOf(len(m.places))*size)
	for i, at := range m.places {
		_, from := m.parts[at.part].block(int(at.row) / simd.ScanRows)
		to := out[i/simd.ScanRows*size:][:size]
		for c := 0; c < size; c += simd.ScanRows {
			to[c+i%simd.ScanRows] = from[c+int(at.row)%simd.ScanRows]
		}
	}
	return out
}

func (m *merge) texts(of func(p *part) *texts) *texts {
	t := &texts{}
	for _, at := range m.places {
		t.add(of(&m.parts[at.part]).at(int(at.row)))
	}
	return t
}

// byID merges the parts' orders: an identifier is there once.
func (m *merge) byID() []uint32 {
	moved := m.moved()
	next := make([]int, len(m.parts)) // in each part's order
	out := make([]uint32, 0, len(m.places))
	for len(out) < len(m.places) {
		best := -1
		for i := range m.parts {
			p := &m.parts[i]
			for next[i] < p.rows && p.dead.has(int(p.slab.byID[next[i]])) {
				next[i]++
			}
			if next[i] < p.rows && (best < 0 || m.id(i, next) < m.id(best, next)) {
				best = i
			}
		}
		out = append(out, moved[best][m.parts[best].slab.byID[next[best]]])
		next[best]++
	}
	return out
}

func (m *merge) id(part int, next []int) string {
	p := &m.parts[part]
	return p.ids.view(int(p.slab.byID[next[part]]))
}

// moved returns each part's rows' new numbers.
func (m *merge) moved() [][]uint32 {
	moved := make([][]uint32, len(m.parts))
	for i := range m.parts {
		moved[i] = make([]uint32, m.parts[i].rows)
	}
	for i, at := range m.places {
		moved[at.part][at.row] = uint32(i)
	}
	return moved
}

// labels returns the labels that are still some row's, and each row's.
func (m *merge) labels() (*texts, []uint32) {
	used := make([][]bool, len(m.parts))
	for i := range m.parts {
		used[i] = make([]bool, m.parts[i].slab.labels.len())
	}
	for _, at := range m.places {
		used[at.part][m.parts[at.part].labelOf[at.row]] = true
	}
	var names []string
	for i := range m.parts {
		for number, yes := range used[i] {
			if yes {
				names = append(names, m.parts[i].slab.labels.view(number))
			}
		}
	}
	slices.Sort(names)
	t := &texts{}
	for _, name := range slices.Compact(names) {
		t.add([]byte(name))
	}
	return t, m.relabel(t, used)
}

// relabel returns the rows' numbers in t.
func (m *merge) relabel(t *texts, used [][]bool) []uint32 {
	numbers := make([][]uint32, len(m.parts))
	for i := range m.parts {
		numbers[i] = make([]uint32, len(used[i]))
		for old, yes := range used[i] {
			if yes {
				number, _ := t.find(m.parts[i].slab.labels.view(old))
				numbers[i][old] = uint32(number)
			}
		}
	}
	out := make([]uint32, len(m.places))
	for i, at := range m.places {
		out[i] = numbers[at.part][m.parts[at.part].labelOf[at.row]]
	}
	return out
}
