package index

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/energo-ml/energo/internal/simd"
)

// Update changes labels and fields. It is one record of the log, without the vectors.
func (x *Exact) Update(ctx context.Context, patches []Patch) (int, error) {
	if err := CheckPatches(patches); err != nil {
		return 0, err
	}
	return x.do(ctx, &request{resolve: func(parts []part) (change, error) { return updateOf(parts, patches) }})
}

// updateOf returns the items of patches as they will be, without vectors. That their vectors can be read is certain then.
func updateOf(parts []part, patches []Patch) (c change, err error) {
	v := view{parts: parts}
	for i := range patches {
		part, row, ok := v.find(patches[i].ID)
		if !ok {
			continue
		}
		it, err := parts[part].item(row)
		if err != nil {
			return c, err
		}
		patches[i].Apply(&it)
		if len(it.Fields) > MaxFields {
			return c, badArgument("patches[%d]: item %q would have %d fields; at most %d are allowed", i, it.ID, len(it.Fields), MaxFields)
		}
		it.Vector = nil
		c.updated = append(c.updated, it)
	}
	if size := c.size(); size > MaxBatchSize {
		return c, badArgument("the items have %d bytes; one Update takes at most %d", size, MaxBatchSize)
	}
	return c, nil
}

// Apply changes an item.
func (p *Patch) Apply(it *Item) {
	if p.Label != nil {
		it.Label = *p.Label
	}
	fields := map[string]string{}
	maps.Copy(fields, it.Fields)
	maps.Copy(fields, p.Fields)
	for _, key := range p.Remove {
		delete(fields, key)
	}
	it.Fields = fields
}

// updated returns a slab of items that are there, with these labels and fields and the vectors that they have.
func (w *writer) updated(items []Item) (*slab, error) {
	v := view{parts: w.parts}
	whole := slices.Clone(items)
	places := make([]place, len(items))
	for i := range items {
		part, row, ok := v.find(items[i].ID)
		if !ok {
			return nil, fmt.Errorf("index: update of item %q, which is not there", items[i].ID)
		}
		stored, err := w.parts[part].item(row)
		if err != nil {
			return nil, err
		}
		whole[i].Vector, places[i] = stored.Vector, place{uint32(part), uint32(row)}
	}
	s := newSlab(w.Options, whole)
	if w.Storage == Int8 { // rounding what is rounded could change it
		for i, at := range places {
			s.copyRow(i, w.parts[at.part].slab, int(at.row))
		}
	}
	return s, nil
}

// copyRow makes what of row is its vector that of a row of another slab.
func (s *slab) copyRow(row int, from *slab, fromRow int) {
	to, toScan := s.block(row / simd.ScanRows)
	codes, scan := from.block(fromRow / simd.ScanRows)
	i, j := row%simd.ScanRows, fromRow%simd.ScanRows
	for p := 0; p < len(to); p += 2 * simd.ScanRows {
		to[p+2*i], to[p+2*i+1] = codes[p+2*j], codes[p+2*j+1]
	}
	for c := 0; c < len(toScan); c += simd.ScanRows {
		toScan[c+i] = scan[c+j]
	}
	s.steps[row] = from.steps[fromRow]
}
