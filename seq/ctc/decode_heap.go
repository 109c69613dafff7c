package ctc

// heap has the worst candidate first.
type heap []candidate

// push adds a candidate.
func (h *heap) push(c candidate) {
	*h = append(*h, c)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !s[up].better(&c) {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = c
}

// replace puts a candidate in the worst one's place.
func (h heap) replace(c candidate) {
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down].better(&h[down+1]) {
			down++
		}
		if !c.better(&h[down]) {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = c
}

// sort puts the best first; then it is a heap no more.
func (h heap) sort() {
	for n := len(h) - 1; n > 0; n-- {
		last := h[n]
		h[n] = h[0]
		h[:n].replace(last)
	}
}
