package jpeg

// plane is the samples of a component at the picture's scale: those of the last rows of MCUs.
type plane struct {
	n          int // samples of a block, each way
	h, v       int // samples of an MCU, by those of a block at full size: with hMax and vMax the ratio of sampling
	hMax, vMax int
	w, rows    int // samples that count
	stride     int
	ring       int // rows that are kept
	pix        []byte
	line       []byte // a row, upsampled
}

// plane describes that of a component; its samples are not there yet. A component with fewer samples than the picture has
// pixels is shrunk less.
func (p *Picture) plane(c *component, shrink int) plane {
	least := 8 / shrink
	q := plane{n: least, hMax: p.hMax * least, vMax: p.vMax * least}
	for q.n < 8 && p.hMax*least%(2*c.h*q.n) == 0 && p.vMax*least%(2*c.v*q.n) == 0 {
		q.n *= 2
	}
	q.h, q.v = c.h*q.n, c.v*q.n
	q.w, q.rows = ceil(p.Width*q.h, 8*p.hMax), ceil(p.Height*q.v, 8*p.vMax)
	q.stride = c.mcuW * q.n
	const above = 6 // rows of the MCUs before that are still needed
	q.ring = q.v * ceil(q.v+above, q.v)
	return q
}

// coefficients is how many of a block's are kept where there are several scans: the first alone makes one sample.
func (q *plane) coefficients() int {
	if q.n == 1 {
		return 1
	}
	return 64
}

// put makes the samples of a block, which may have more than its first coefficient. The block is used up.
func (q *plane) put(b *block, more bool, x, y int) {
	dst := q.pix[y*q.n%q.ring*q.stride+x*q.n:]
	if more {
		b.inverse(dst, q.stride, q.n)
	} else {
		flat(b[0], dst, q.stride, q.n)
	}
}

// row is a row of samples; before the first and behind the last are those.
func (q *plane) row(y int) []byte {
	y = min(max(y, 0), q.rows-1)
	return q.pix[y%q.ring*q.stride:][:q.w:q.w]
}

// output makes rows of planes.
type output struct {
	w, h   int
	planes []plane
	behind int // rows that must be there behind one that is made
	next   int
	pix    []byte
	colour func(dst []byte, lines [4][]byte)
	use    func(y int, pix []byte)
}

func newOutput(p *Picture, shrink int, use func(y int, pix []byte)) *output {
	w, h := p.Size(shrink)
	o := &output{w: w, h: h, pix: make([]byte, 4*w), use: use, colour: p.colour()}
	for i := range p.components {
		q := p.plane(&p.components[i], shrink)
		q.pix = make([]byte, q.stride*q.ring)
		if q.h != q.hMax || q.v != q.vMax {
			q.line = make([]byte, max(w, 2*q.w))
			o.behind = max(o.behind, ceil(q.vMax, q.v))
		}
		o.planes = append(o.planes, q)
	}
	return o
}

// decoded makes the rows that can be made once a row of MCUs is there.
func (o *output) decoded(my int) {
	limit := (my+1)*o.planes[0].vMax - o.behind
	if limit+o.behind >= o.h {
		limit = o.h
	}
	for ; o.next < limit; o.next++ {
		var lines [4][]byte
		for i := range o.planes {
			lines[i] = o.planes[i].upsampled(o.next)[:o.w]
		}
		o.colour(o.pix, lines)
		o.use(o.next, o.pix)
	}
}

// upsampled is a row of the picture. Between samples that are half as dense, values are three parts of the nearer sample
// and one of the other; of other ratios, samples are repeated.
func (q *plane) upsampled(y int) []byte {
	wide, tall := q.hMax == 2*q.h && q.w > 2, q.vMax == 2*q.v
	near := q.row(y * q.v / q.vMax)
	far := near
	if tall {
		far = q.row(y/2 + 2*(y&1) - 1)
	}
	switch {
	case q.h == q.hMax && q.v == q.vMax:
		return near
	case wide && q.v == q.vMax:
		q.double(near)
	case wide && tall:
		q.doubleBoth(near, far)
	case q.h == q.hMax && tall:
		bias := 1 + y&1
		for i, v := range near {
			q.line[i] = byte((3*int(v) + int(far[i]) + bias) >> 2)
		}
	default:
		for x := range q.line {
			q.line[x] = near[min(x*q.h/q.hMax, q.w-1)]
		}
	}
	return q.line
}

// double upsamples a row across.
func (q *plane) double(in []byte) {
	n, out := len(in), q.line[:2*len(in)]
	out[0], out[1] = in[0], byte((3*int(in[0])+int(in[1])+2)>>2)
	for i := 1; i < n-1; i++ {
		three := 3 * int(in[i])
		out[2*i], out[2*i+1] = byte((three+int(in[i-1])+1)>>2), byte((three+int(in[i+1])+2)>>2)
	}
	out[2*n-2], out[2*n-1] = byte((3*int(in[n-1])+int(in[n-2])+1)>>2), in[n-1]
}

// doubleBoth upsamples across what lies between two rows.
func (q *plane) doubleBoth(near, far []byte) {
	n, out := len(near), q.line[:2*len(near)]
	far = far[:n]
	this, next := 3*int(near[0])+int(far[0]), 3*int(near[1])+int(far[1])
	out[0], out[1] = byte((4*this+8)>>4), byte((3*this+next+7)>>4)
	before := this
	this = next
	for i := 1; i < n-1; i++ {
		next = 3*int(near[i+1]) + int(far[i+1])
		out[2*i], out[2*i+1] = byte((3*this+before+8)>>4), byte((3*this+next+7)>>4)
		before, this = this, next
	}
	out[2*n-2], out[2*n-1] = byte((3*this+before+8)>>4), byte((4*this+7)>>4)
}
