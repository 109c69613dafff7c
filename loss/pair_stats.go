package loss

// PairStats says what a batch had to offer to a loss that looks at all its pairs. Pairs
// are ordered: (a, b) and (b, a) are two.
type PairStats struct {
	Positives int64 // pairs of one label, a sample with itself left out
	Negatives int64 // pairs of different labels
	Terms     int64 // pairs, triplets or anchors that the loss is made of; 0 is a batch without any
	Active    int64 // those of them whose loss is above 0

	activePositives int64 // where the terms are pairs
}

// Over says what a mean is over.
type Over uint8

// The means.
const (
	OverActive Over = iota // the terms whose loss is above 0
	OverAll                // all terms
)

func (o Over) check(loss string) error {
	if o > OverAll {
		return badOption(loss, "over", o, "active or all")
	}
	return nil
}

// counts refuses another value than the first where nothing is divided by what it counts.
func (o Over) counts(loss string, r Reduction) error {
	if o != OverActive && r == Sum {
		return badOption(loss, "over", o, "left out, since the reduction is a sum")
	}
	return nil
}

// String returns the name in catalogues and configurations.
func (o Over) String() string {
	switch o {
	case OverActive:
		return "active"
	case OverAll:
		return "all"
	}
	return "unknown"
}

// count returns how many terms a mean is over.
func (o Over) count(s PairStats) int64 {
	if o == OverActive {
		return s.Active
	}
	return s.Terms
}

func (s *PairStats) add(t PairStats) {
	s.Positives += t.Positives
	s.Negatives += t.Negatives
	s.Terms += t.Terms
	s.Active += t.Active
	s.activePositives += t.activePositives
}
