package simd

// CTCSum takes the summed probabilities of CTC's states through a frame, in place, each relative to a power of two of its own:
//
//	u = B[i] + into[i]·L[i−1]
//	L'[i] = row[i]·(L[i] + enter[i]·(B[i] + follows[i]·into[i]·L[i−1]))
//	B'[i] = blank·u
//
// into and enter are the powers of two of the states before by those of the states; follows is 1, or 0 where label i may not
// follow label i−1 at once. labels has one element in front of the states', L[−1], so that parts of a frame may be done; the later ones must
// be done first, since L[−1] is not of this frame.
//
// Lengths: all have n elements, whole blocks of CTCPathBlock; labels n + 1.
func CTCSum(blanks, labels, row, into, enter, follows []float64, blank float64) {
	n := len(blanks)
	if n%CTCPathBlock != 0 || len(labels) != n+1 || len(row) != n || len(into) != n || len(enter) != n || len(follows) != n {
		panic("simd: CTCSum: the lengths do not fit")
	}
	tables32[Current()].ctcSum(blanks, labels, row, into, enter, follows, blank)
}

func ctcSum(blanks, labels, row, into, enter, follows []float64, blank float64) {
	for i := len(blanks) - 1; i >= 0; i-- {
		b, before := blanks[i], into[i]*labels[i]
		labels[i+1] = row[i] * (labels[i+1] + enter[i]*(b+follows[i]*before))
		blanks[i] = blank * (b + before)
	}
}
