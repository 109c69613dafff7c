package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A record is one change as the log has it: a byte for its kind, the number of what follows, and
// then items (identifier, label, fields, vector) or identifiers.
const (
	recordAdd    = 1
	recordDelete = 2
	recordUpdate = 3 // items without their vectors
)

// change is one change: items that were added, identifiers that were deleted, or items without vectors whose labels and fields
// were changed. One of the three is not nil.
type change struct {
	items   []Item
	ids     []string
	updated []Item
}

// counts tells whether apply counts the items that the change is about.
func (c *change) counts() bool { return c.ids != nil || c.updated != nil }

func (c *change) appendTo(dst []byte) []byte {
	if c.ids != nil {
		dst = binary.AppendUvarint(append(dst, recordDelete), uint64(len(c.ids)))
		for _, id := range c.ids {
			dst = appendText(dst, id)
		}
		return dst
	}
	kind, items := byte(recordAdd), c.items
	if c.updated != nil {
		kind, items = recordUpdate, c.updated
	}
	dst = binary.AppendUvarint(append(dst, kind), uint64(len(items)))
	for i := range items {
		it := &items[i]
		dst = appendText(appendText(dst, it.ID), it.Label)
		dst = appendText(dst, string(appendFields(nil, it.Fields)))
		for _, x := range it.Vector {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
		}
	}
	return dst
}

// size is about how many bytes the record has, and no less.
func (c *change) size() int {
	const perText = 3 // of a length, and more than enough for a few
	n := 16
	for _, id := range c.ids {
		n += len(id) + perText
	}
	for _, it := range slices.Concat(c.items, c.updated) {
		n += len(it.ID) + len(it.Label) + 4*len(it.Vector) + 5*perText
		for key, value := range it.Fields {
			n += len(key) + len(value) + 2*perText
		}
	}
	return n
}

// parseRecords reads the records of a frame of an index of o.
func parseRecords(b []byte, o Options) (changes []change, err error) {
	for len(b) > 0 {
		var c change
		if c, b, err = parseRecord(b, o); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func parseRecord(b []byte, o Options) (c change, rest []byte, err error) {
	kind := b[0]
	n, size := binary.Uvarint(b[1:])
	if size <= 0 || n > uint64(len(b)) {
		return c, nil, errCut
	}
	b = b[1+size:]
	switch kind {
	case recordAdd:
		if c.items, b, err = parseItems(b, n, o.Dim); err != nil {
			return c, nil, err
		}
		return c, b, o.CheckItems(c.items)
	case recordUpdate:
		if c.updated, b, err = parseItems(b, n, 0); err != nil {
			return c, nil, err
		}
		return c, b, checkUpdated(c.updated)
	case recordDelete:
		c.ids = []string{}
		for range n {
			var id []byte
			if id, b, err = cutText(b); err != nil {
				return c, nil, err
			}
			c.ids = append(c.ids, string(id))
		}
		return c, b, CheckIDs(c.ids)
	}
	return c, nil, fmt.Errorf("a record is of kind %d, which does not exist", kind)
}

// checkUpdated is CheckItems for items without vectors.
func checkUpdated(items []Item) error {
	patches := make([]Patch, len(items))
	for i := range items {
		patches[i] = Patch{ID: items[i].ID, Label: &items[i].Label, Fields: items[i].Fields}
	}
	return CheckPatches(patches)
}

func parseItems(b []byte, n uint64, dim int) (items []Item, rest []byte, err error) {
	items = []Item{}
	for range n {
		var it Item
		if it, b, err = parseItem(b, dim); err != nil {
			return nil, nil, err
		}
		items = append(items, it)
	}
	return items, b, nil
}

func parseItem(b []byte, dim int) (it Item, rest []byte, err error) {
	var texts [3][]byte
	for i := range texts {
		if texts[i], b, err = cutText(b); err != nil {
			return it, nil, err
		}
	}
	if len(b)/4 < dim {
		return it, nil, errors.New("a vector is cut off")
	}
	it = Item{ID: string(texts[0]), Label: string(texts[1]), Vector: make([]float32, dim)}
	for t := range it.Vector {
		it.Vector[t] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*t:]))
	}
	it.Fields, err = parseFields(texts[2])
	return it, b[4*dim:], err
}

// joinChanges puts Adds of different items that follow each other together: what comes of them is
// the same, and one slab is cheaper than many.
func joinChanges(changes []change) (joined []change) {
	ids := map[string]bool{}
	for _, c := range changes {
		last := len(joined) - 1
		repeats := slices.ContainsFunc(c.items, func(it Item) bool { return ids[it.ID] })
		if last < 0 || c.counts() || joined[last].counts() || repeats {
			clear(ids)
			joined = append(joined, change{slices.Clip(c.items), c.ids, c.updated})
		} else {
			joined[last].items = append(joined[last].items, c.items...)
		}
		for i := range c.items {
			ids[c.items[i].ID] = true
		}
	}
	return joined
}
