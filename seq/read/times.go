package read

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/seq/ctc"
)

// Times says when words are said more exactly than CTC, which learns what is said alone: it gives the
// beginning of a word to the space before. It is a hidden Markov model from left to right, whose
// states are Gaussians with diagonal covariances. A path s through the states of a text has the energy
//
//	E(s, x) = ½ Σ_t Σ_i (x(t, i) − μ(s_t, i))²/σ²(s_t, i) + log 2πσ²(s_t, i)
//
// with the features x of timesFeatures: −log of their density. Transitions are free.
//
// A unit has timesStates states. It is a character with its two neighbours in the word, a space standing
// for the word's edge; for neighbours that were not trained on it is the character whatever they are;
// and for a character that was not it is all speech, the empty name. Silence is the unit " ".
//
// Source: [rabiner1989].
type Times struct {
	features *timesFeatures
	names    []string       // of the units: the empty one, then characters and silence, then characters between neighbours
	first    map[string]int // the row of a unit's first state
	mean     []float32      // [rows][timesDims]
	variance []float32

	precision []float32 // 1/σ²
	constant  []float64 // of each row: −½ Σ log 2πσ²
	broad     []int     // the rows of characters whatever their neighbours, and of silence
}

// timesStates is how many states a unit has; silence has but the first of them.
const timesStates = 2

// silenceUnit is what lies between words.
const silenceUnit = " "

// newTimesModel returns a model of these units without Gaussians.
func newTimesModel(f *timesFeatures, names []string) *Times {
	m := &Times{features: f, names: slices.SortedFunc(slices.Values(names), func(a, b string) int {
		return cmp.Or(utf8.RuneCountInString(a)-utf8.RuneCountInString(b), cmp.Compare(a, b))
	})}
	m.first = make(map[string]int, len(names))
	for i, u := range m.names {
		m.first[u] = i * timesStates
		if utf8.RuneCountInString(u) != 1 {
			continue
		}
		for s := range timesStates {
			if s == 0 || u != silenceUnit {
				m.broad = append(m.broad, i*timesStates+s)
			}
		}
	}
	return m
}

// prepare readies Gaussians for use.
func (m *Times) prepare() {
	m.precision = scratch.Sized(m.precision, len(m.mean))
	m.constant = make([]float64, len(m.mean)/timesDims)
	for i, v := range m.variance {
		m.precision[i] = 1 / v
		m.constant[i/timesDims] -= math.Log(2*math.Pi*float64(v)) / 2
	}
}

// logDensity is that of a frame by the Gaussian of a row.
func (m *Times) logDensity(row int, frame []float32) float64 {
	mean, precision := m.mean[row*timesDims:][:timesDims], m.precision[row*timesDims:][:timesDims]
	sum := float32(0)
	for i, v := range frame[:timesDims] {
		d := v - mean[i]
		sum += d * d * precision[i]
	}
	return m.constant[row] - float64(sum)/2
}

// anyDensity is a wildcard's: that of the best character or of silence, less anythingCost.
func (m *Times) anyDensity(frame []float32) float64 {
	best := math.Inf(-1)
	for _, row := range m.broad {
		best = max(best, m.logDensity(row, frame))
	}
	return best - anythingCost
}

// anythingCost is in nat a frame. The best of all is so much likelier, in its own frames, than the
// state that is right: for less, a wildcard takes the edges of the words beside it.
const anythingCost = 3

// unitNames are the units that character k of a word may be, the best first.
func unitNames(word []ctc.Timed, k int) [3]string {
	before, after := " ", " "
	if k > 0 {
		before = word[k-1].Text
	}
	if k+1 < len(word) {
		after = word[k+1].Text
	}
	return [3]string{before + word[k].Text + after, word[k].Text, ""}
}

// rowOf is the first row of the first of the units that there is.
func (m *Times) rowOf(units [3]string) int {
	for _, u := range units {
		if row, ok := m.first[u]; ok {
			return row
		}
	}
	return m.first[""]
}
