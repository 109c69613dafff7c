package read

import (
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/scratch"
)

// How Gaussians are kept from fitting what is rare.
const (
	timesPrior    = 10   // frames' worth of the parent that each unit has besides its own
	timesFloor    = 0.02 // of all speech's variance, the least that a unit may have
	timesVariance = 1e-4 // the least at all
)

// timesSums are what Gaussians are made of, of each row and dimension.
type timesSums struct {
	count       []float64
	sum, square []float64
}

// fit makes the Gaussians those of the paths. A state with n frames of mean m and variance v has
//
//	μ = (n m + τ μ')/(n + τ)    σ² = max(0.02 σ₀², (n v + τ σ'²)/(n + τ))
//
// where τ = 10, μ' and σ'² are its parent's, and σ₀² is the variance of all speech: a unit's parent is its
// character whatever the neighbours are, which is made of all their frames, and a character's and silence's all
// speech.
// Source: [gauvain1994], for the mean.
func (t *timesTraining) fit() {
	m := t.model
	rows := len(m.names) * timesStates
	t.clear(rows)
	m.mean, m.variance = scratch.Sized(m.mean, rows*timesDims), scratch.Sized(m.variance, rows*timesDims)
	for _, r := range t.recordings {
		for k, p := range r.path {
			t.add(r.places[p].row, r.x[k*timesDims:][:timesDims])
		}
	}
	// Names are in the order of their length.
	for u := len(m.names) - 1; u > 0; u-- {
		if m.names[u] == silenceUnit {
			continue
		}
		for s := range timesStates {
			t.pool(m.parent(u)+s, u*timesStates+s)
		}
	}
	for u := range m.names {
		for s := range timesStates {
			t.gaussian(m, u*timesStates+s, m.parent(u)+s)
		}
	}
	m.prepare()
}

// parent is the first row of a unit's parent; negative for that of all speech.
func (m *Times) parent(unit int) int {
	name := m.names[unit]
	switch utf8.RuneCountInString(name) {
	case 0:
		return -timesStates
	case 1:
		return m.first[""]
	}
	_, before := utf8.DecodeRuneInString(name)
	_, size := utf8.DecodeRuneInString(name[before:])
	return m.first[name[before:before+size]]
}

func (s *timesSums) clear(rows int) {
	s.count, s.sum, s.square = scratch.Sized(s.count, rows), scratch.Sized(s.sum, rows*timesDims), scratch.Sized(s.square, rows*timesDims)
	clear(s.count)
	clear(s.sum)
	clear(s.square)
}

// add adds a frame to a row.
func (s *timesSums) add(row int, frame []float32) {
	s.count[row]++
	sum, square := s.sum[row*timesDims:][:len(frame)], s.square[row*timesDims:][:len(frame)]
	for i, x := range frame {
		v := float64(x)
		sum[i] += v
		square[i] += v * v
	}
}

// pool adds a row to its parent's.
func (s *timesSums) pool(parent, row int) {
	s.count[parent] += s.count[row]
	for i := range timesDims {
		s.sum[parent*timesDims+i] += s.sum[row*timesDims+i]
		s.square[parent*timesDims+i] += s.square[row*timesDims+i]
	}
}

// gaussian sets that of a row, whose parent's is set, or which has none.
func (s *timesSums) gaussian(m *Times, row, parent int) {
	for i := range timesDims {
		at := row*timesDims + i
		n := s.count[row]
		mean := s.sum[at] / max(n, 1)
		variance := max(0, s.square[at]/max(n, 1)-float64(mean*mean))
		if parent >= 0 {
			above, speech := parent*timesDims+i, (m.first[""]+row%timesStates)*timesDims+i
			mean = (n*mean + timesPrior*float64(m.mean[above])) / (n + timesPrior)
			variance = (n*variance + timesPrior*float64(m.variance[above])) / (n + timesPrior)
			variance = max(variance, timesFloor*float64(m.variance[speech]))
		}
		m.mean[at], m.variance[at] = float32(mean), float32(max(variance, timesVariance))
	}
}
