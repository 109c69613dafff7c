package jpeg

import (
	"errors"
	"fmt"
)

// Size is the picture's size at 1/shrink.
func (p *Picture) Size(shrink int) (w, h int) { return ceil(p.Width, shrink), ceil(p.Height, shrink) }

// Memory is the bytes that Rows takes at most.
func (p *Picture) Memory(shrink int) int64 {
	const codes = 1 << 17
	w, _ := p.Size(shrink)
	total := codes + 4*int64(w)
	for i := range p.components {
		c := &p.components[i]
		q := p.plane(c, shrink)
		total += int64(q.stride)*int64(q.ring) + int64(w) + 2*int64(q.w) // the samples, and a line upsampled
		if p.several() {
			total += 2 * int64(q.coefficients()) * int64(c.mcuW) * int64(c.mcuH)
		}
	}
	return total
}

// several tells whether the samples come from several scans, so that all coefficients are in memory at once.
func (p *Picture) several() bool {
	_, header, _, err := segment(p.file, p.at)
	return p.progressive || err != nil || len(header) == 0 || int(header[0]) != len(p.components)
}

// decoder is a picture while it is decoded.
type decoder struct {
	*Picture
	tables
	out    *output
	values block

	// Of several scans, by component:
	kept   [][]int16     // coefficients of all blocks
	quants []*[64]uint16 // as they were in the first scan
}

// Rows calls use with each row of the picture at 1/shrink, where shrink is 1, 2, 4 or 8, from top to bottom: red, green,
// blue and 255 of each pixel, good until use returns.
func (p *Picture) Rows(shrink int, use func(y int, pix []byte)) error {
	d := &decoder{Picture: p, tables: p.tables, out: newOutput(p, shrink, use), quants: make([]*[64]uint16, len(p.components))}
	if p.several() {
		return d.several()
	}
	_, header, next, err := segment(p.file, p.at)
	if err != nil {
		return err
	}
	s, err := d.begin(header, next)
	if err != nil {
		return err
	}
	for my := range s.down {
		if err := s.row(my, d.sequential(s)); err != nil {
			return err
		}
		d.out.decoded(my)
	}
	for at := s.at; ; {
		marker, _, next, err := segment(d.file, at)
		switch {
		case err != nil:
			return err
		case marker == eoi:
			return nil
		case marker == sos:
			return errors.New("it has a second scan of the same components")
		}
		at = next
	}
}

// begin begins a scan, and notes the quantisers of components that it is the first of.
func (d *decoder) begin(header []byte, at int) (*scan, error) {
	s, err := d.newScan(&d.tables, header, at)
	if err != nil {
		return nil, err
	}
	for _, k := range s.parts {
		if d.quants[k.index] == nil {
			d.quants[k.index] = d.quant[k.c.quantiser]
		}
		if d.quants[k.index] == nil {
			return nil, fmt.Errorf("a scan of the component %d has no table of quantisers", k.c.id)
		}
	}
	return s, nil
}

// sequential decodes a block of a file's only scan into its plane.
func (d *decoder) sequential(s *scan) func(k *part, x, y int) error {
	return func(k *part, x, y int) error {
		more, err := s.sequential(k, d.quants[k.index], &d.values)
		if err != nil {
			return err
		}
		d.out.planes[k.index].put(&d.values, more, x, y)
		if more {
			d.values = block{}
		}
		return nil
	}
}
