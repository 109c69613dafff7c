package jpeg

import (
	"errors"
	"fmt"
)

// scan is one pass over some of the components.
type scan struct {
	bits
	parts      []part
	from, to   int // coefficients
	high, low  uint
	eobs       int // blocks still to come that end here, of a progressive scan
	interval   int
	left, next int // MCUs up to the next restart marker, and its number
	across     int // MCUs
	down       int
}

// part is a component of a scan.
type part struct {
	index  int // of the picture's components
	c      *component
	h, v   int // blocks of an MCU
	dc, ac *huffman
	before int32 // the last block's DC coefficient
}

var errScan = errors.New("a scan's header is broken")

// newScan reads a scan's header. at is where its data begin.
func (p *Picture) newScan(t *tables, header []byte, at int) (*scan, error) {
	if len(header) < 1 || len(header) != 4+2*int(header[0]) || header[0] < 1 || header[0] > 4 {
		return nil, errScan
	}
	n, rest := int(header[0]), header[1+2*int(header[0]):]
	s := &scan{from: int(rest[0]), to: int(rest[1]), high: uint(rest[2] >> 4), low: uint(rest[2] & 15), interval: t.interval, left: t.interval}
	s.bits = bits{file: p.file, at: at}
	if !p.progressive {
		s.from, s.to, s.high, s.low = 0, 63, 0, 0
	}
	if s.from > s.to || s.to > 63 || s.from == 0 && s.to != 0 && p.progressive || s.from > 0 && n > 1 || s.low > 13 || s.high > 0 && s.high != s.low+1 {
		return nil, errScan
	}
	for i := range n {
		id, which := header[1+2*i], header[2+2*i]
		k := p.place(id)
		if k < 0 || which>>4 > 3 || which&15 > 3 {
			return nil, errScan
		}
		for _, other := range s.parts {
			if other.index == k {
				return nil, errScan
			}
		}
		c := &p.components[k]
		s.parts = append(s.parts, part{index: k, c: c, h: c.h, v: c.v, dc: t.dc[which>>4], ac: t.ac[which&15]})
		last := &s.parts[i]
		if s.from == 0 && s.high == 0 && last.dc == nil || s.to > 0 && last.ac == nil {
			return nil, fmt.Errorf("a scan of the component %d has no table of codes", id)
		}
	}
	s.across, s.down = p.mcus()
	if n == 1 {
		c := s.parts[0].c
		s.parts[0].h, s.parts[0].v = 1, 1
		s.across, s.down = ceil(c.w, 8), ceil(c.rows, 8)
	}
	return s, nil
}

func (p *Picture) place(id byte) int {
	for i, c := range p.components {
		if c.id == id {
			return i
		}
	}
	return -1
}

// row calls do for each block of a row of MCUs: x and y are its place among its component's blocks.
func (s *scan) row(my int, do func(k *part, x, y int) error) error {
	for mx := range s.across {
		if s.interval > 0 {
			if s.left == 0 {
				if err := s.again(); err != nil {
					return err
				}
			}
			s.left--
		}
		for i := range s.parts {
			k := &s.parts[i]
			for v := range k.v {
				for h := range k.h {
					if err := do(k, mx*k.h+h, my*k.v+v); err != nil {
						return err
					}
				}
			}
		}
		if s.ended() {
			return errEnds
		}
	}
	return nil
}

// again begins anew behind a restart marker.
func (s *scan) again() error {
	if err := s.restart(s.next); err != nil {
		return err
	}
	s.next, s.left, s.eobs = s.next+1, s.interval, 0
	for i := range s.parts {
		s.parts[i].before = 0
	}
	return nil
}

// difference reads a DC coefficient's difference from the one before.
func (s *scan) difference(k *part) error {
	if s.n < 32 {
		s.fill()
	}
	size, err := s.symbol(k.dc)
	if err != nil {
		return err
	}
	if size > 16 {
		return errCode
	}
	k.before += extend(s.take(uint(size)), uint(size))
	return nil
}

// sequential reads a block of a baseline scan, multiplied by its quantisers, and tells whether it has more than the first
// coefficient.
func (s *scan) sequential(k *part, quant *[64]uint16, b *block) (more bool, err error) {
	if err := s.difference(k); err != nil {
		return false, err
	}
	b[0] = k.before * int32(quant[0])
	for i := 1; i < 64; i++ {
		if s.n < 32 {
			s.fill()
		}
		var v int32
		if w := k.ac.whole[s.acc>>(64-fastBits)]; w != 0 {
			s.acc <<= w & 15
			s.n -= int(w & 15)
			i += int(w >> 8 & 15)
			v = w >> 16
		} else {
			rs, err := s.symbol(k.ac)
			if err != nil {
				return false, err
			}
			size := uint(rs & 15)
			if size == 0 {
				if rs != 0xf0 {
					break
				}
				i += 15
				continue
			}
			i += int(rs >> 4)
			v = extend(s.take(size), size)
		}
		if i > 63 {
			return false, errCode
		}
		b[zigzag[i]] = v * int32(quant[i])
		more = true
	}
	return more, nil
}

// first reads a block of a progressive scan's first pass over its coefficients.
func (s *scan) first(k *part, c []int16) error {
	if s.from == 0 {
		if err := s.difference(k); err != nil {
			return err
		}
		c[0] = int16(k.before << s.low)
		return nil
	}
	if s.eobs > 0 {
		s.eobs--
		return nil
	}
	for i := s.from; i <= s.to; i++ {
		if s.n < 32 {
			s.fill()
		}
		rs, err := s.symbol(k.ac)
		if err != nil {
			return err
		}
		run, size := int(rs>>4), uint(rs&15)
		if size == 0 {
			if run < 15 {
				s.eobs = 1<<run - 1 + int(s.take(uint(run)))
				return nil
			}
			i += 15
			continue
		}
		if i += run; i > 63 {
			return errCode
		}
		c[zigzag[i]] = int16(extend(s.take(size), size) << s.low)
	}
	return nil
}

// bit returns the next bit, which fill has made sure of.
func (b *bits) bit() bool {
	one := b.acc>>63 == 1
	b.acc <<= 1
	b.n--
	return one
}

// refine reads a block of a later pass, which has one more bit of each coefficient.
func (s *scan) refine(k *part, c []int16) error {
	one := int16(1) << s.low
	if s.from == 0 {
		if s.n < 1 {
			s.fill()
		}
		if s.bit() {
			c[0] |= one
		}
		return nil
	}
	i := s.from
	for ; s.eobs == 0 && i <= s.to; i++ {
		if s.n < 32 {
			s.fill()
		}
		rs, err := s.symbol(k.ac)
		if err != nil {
			return err
		}
		run, v := int(rs>>4), int16(0)
		switch rs & 15 {
		case 0:
			if run < 15 {
				s.eobs = 1<<run + int(s.take(uint(run)))
			}
		case 1:
			if v = -one; s.take(1) == 1 {
				v = one
			}
		default:
			return errCode
		}
		if s.eobs > 0 {
			break
		}
		if i = s.known(c, i, run, one); i > s.to {
			break
		}
		if v != 0 {
			c[zigzag[i]] = v
		}
	}
	if s.eobs > 0 {
		s.known(c, i, 64, one)
		s.eobs--
	}
	return nil
}

// known passes over zeros, and reads a bit of each coefficient between. It returns where the next zero is.
func (s *scan) known(c []int16, i, zeros int, one int16) int {
	for ; i <= s.to; i++ {
		at := &c[zigzag[i]]
		if *at == 0 {
			if zeros == 0 {
				return i
			}
			zeros--
			continue
		}
		if s.n < 1 {
			s.fill()
		}
		switch {
		case !s.bit() || *at&one != 0:
		case *at > 0:
			*at += one
		default:
			*at -= one
		}
	}
	return i
}
