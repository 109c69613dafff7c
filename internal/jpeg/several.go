package jpeg

import "bytes"

// ones are the quantisers of coefficients that are kept as they come.
var ones = func() (t [64]uint16) {
	for i := range t {
		t[i] = 1
	}
	return t
}()

// several decodes a file of several scans: first the coefficients of all, then the samples.
func (d *decoder) several() error {
	for i, c := range d.components {
		d.kept = append(d.kept, make([]int16, d.out.planes[i].coefficients()*c.mcuW*c.mcuH))
	}
	for at := d.at; ; {
		marker, body, next, err := segment(d.file, at)
		if err != nil {
			return err
		}
		switch marker {
		case eoi:
			return d.samples()
		case sos:
			if next, err = d.scan(body, next); err != nil {
				return err
			}
		default:
			if err := d.set(marker, body); err != nil {
				return err
			}
		}
		at = next
	}
}

// scan decodes a scan, and returns where its data end. One of coefficients that are not kept is passed over.
func (d *decoder) scan(header []byte, at int) (end int, err error) {
	s, err := d.begin(header, at)
	if err != nil {
		return 0, err
	}
	if s.from > 0 && d.out.planes[s.parts[0].index].coefficients() == 1 {
		return dataEnd(d.file, at), nil
	}
	do := d.keep(s)
	for my := range s.down {
		if err := s.row(my, do); err != nil {
			return 0, err
		}
	}
	return s.at, nil
}

// dataEnd is where a scan's data end: at a marker that is no restart.
func dataEnd(file []byte, at int) int {
	for at < len(file) {
		i := bytes.IndexByte(file[at:], 0xff)
		if i < 0 {
			break
		}
		at += i
		if at+1 < len(file) && file[at+1] != 0 && file[at+1] != 0xff && (file[at+1] < rst0 || file[at+1] > rst7) {
			return at
		}
		at++
	}
	return len(file)
}

// keep decodes a block of a scan into the coefficients.
func (d *decoder) keep(s *scan) func(k *part, x, y int) error {
	return func(k *part, x, y int) error {
		n := d.out.planes[k.index].coefficients()
		c := d.kept[k.index][n*(y*k.c.mcuW+x):][:n:n]
		switch {
		case !d.progressive:
			more, err := s.sequential(k, &ones, &d.values)
			if err != nil {
				return err
			}
			for i := range c {
				c[i] = int16(d.values[i])
			}
			if more {
				d.values = block{}
			}
			return nil
		case s.high == 0:
			return s.first(k, c)
		}
		return s.refine(k, c)
	}
}

// samples makes rows of the coefficients.
func (d *decoder) samples() error {
	quants := make([]block, len(d.components)) // by rows
	for i, q := range d.quants {
		if q == nil { // no scan has the component: all is 0
			q = &ones
		}
		for j, v := range q {
			quants[i][zigzag[j]] = int32(v)
		}
	}
	_, down := d.mcus()
	for my := range down {
		for i := range d.components {
			c := &d.components[i]
			for y := my * c.v; y < (my+1)*c.v; y++ {
				for x := range c.mcuW {
					d.sample(i, &quants[i], x, y)
				}
			}
		}
		d.out.decoded(my)
	}
	return nil
}

// sample makes the samples of a component's block.
func (d *decoder) sample(i int, quant *block, x, y int) {
	n := d.out.planes[i].coefficients()
	c := d.kept[i][n*(y*d.components[i].mcuW+x):][:n:n]
	b, more := &d.values, int16(0)
	b[0] = int32(c[0]) * quant[0]
	for j := 1; j < len(c); j++ {
		b[j] = int32(c[j]) * quant[j]
		more |= c[j]
	}
	d.out.planes[i].put(b, more != 0, x, y)
}
