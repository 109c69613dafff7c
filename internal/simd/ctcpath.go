package simd

// CTCPathBlock is how many states CTCPath does at least, and how many share three bytes of steps.
const CTCPathBlock = 8

// CTCPath takes the best paths to the states of CTC through a frame, in place:
//
//	B'[i] = max(B[i], L[i−1]) + blank
//	L'[i] = max(L[i], B[i], L[i−1] + skip[i]) + row[i]
//
// and notes how each state was reached: of eight states, a byte each with a bit for B' from L[i−1],
// for L' from B[i], and for L' from L[i−1], which counts before the second. Of equals the earlier in
// the formula is taken. labels has one element in front of the states', L[−1], so that parts of
// a frame may be done; the later ones must be done first, since L[−1] is not of this frame.
//
// Lengths: blanks, row and skip have n elements, whole blocks; labels n + 1, steps 3n/8.
func CTCPath(steps []byte, blanks, labels []float64, row []float32, skip []float64, blank float64) {
	n := len(blanks)
	if n%CTCPathBlock != 0 || len(labels) != n+1 || len(row) != n || len(skip) != n || len(steps) != n/CTCPathBlock*3 {
		panic("simd: CTCPath: the lengths do not fit")
	}
	tables32[Current()].ctcPath(steps, blanks, labels, row, skip, blank)
}

func ctcPath(steps []byte, blanks, labels []float64, row []float32, skip []float64, blank float64) {
	var left, fromBlank, fromBefore byte
	for i := len(blanks) - 1; i >= 0; i-- {
		b, before, l := blanks[i], labels[i], labels[i+1]
		left, fromBlank, fromBefore = left<<1, fromBlank<<1, fromBefore<<1
		stay, best := b, l
		if before > stay {
			stay = before
			left |= 1
		}
		if b > best {
			best = b
			fromBlank |= 1
		}
		if e := before + skip[i]; e > best {
			best = e
			fromBefore |= 1
		}
		blanks[i], labels[i+1] = stay+blank, best+float64(row[i])
		if i%CTCPathBlock == 0 {
			k := i / CTCPathBlock * 3
			steps[k], steps[k+1], steps[k+2] = left, fromBlank, fromBefore
		}
	}
}
