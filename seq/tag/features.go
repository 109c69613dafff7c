package tag

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/lattice"
)

// FeatureOptions are those of Features.
type FeatureOptions struct {
	// Prune leaves to words that training had five times or more the tags that they had there; rarer and unknown
	// ones may have those of the open classes, too.
	Prune bool
	// Adaptive steps have AdaGrad's sizes, one for each row of weights; else all have one size.
	Adaptive bool
	// Averaged weights, the means over all steps, are what Chains goes by and what is saved.
	Averaged bool
}

// Features is Energies that are sums of weights: a row for each feature of a word and its
// neighbours, and a row of pair energies for each tag before. It is trained by sparse steps:
//
//	c := f.Current(batch)
//	… the loss of the chains c, and its derivatives by c.Unary and c.Pair …
//	f.Step(unary, pair, lr)
type Features struct {
	words *Lexicon
	prune bool
	rows  *sparseTable // [2^bits, tags]
	pairs *sparseTable // [tags, tags]
	steps *tensor.Tensor

	sentences []Sentence
	chains    lattice.Chains[float32]
	places    []place
	starts    []int      // first place of each sentence
	features  [][]uint32 // of each sentence
	ends      [][]int32
	back      float32   // what the job sums with
	own       []float32 // pair energies of all tags, or their derivatives
	update    updateJob
}

// place is one word of a batch.
type place struct {
	sentence, word int
	unary, states  int
	columns        []int32 // candidate tags; nil for all
}

// NewFeatures returns energies that are 0. There are 2^bits rows, bits being the lexicon's.
func NewFeatures(words *Lexicon, o FeatureOptions) *Features {
	k := len(words.tags)
	return &Features{
		words: words, prune: o.Prune,
		rows:  newSparseTable("rows", 1<<words.bits, k, o.Adaptive, o.Averaged),
		pairs: newSparseTable("pairs", k, k, o.Adaptive, o.Averaged),
		steps: tensor.New(tensor.Float64, 1),
	}
}

// Size is how many weights there are.
func (f *Features) Size() int { return len(f.rows.weights) + len(f.pairs.weights) }

// Steps is how many steps have been taken.
func (f *Features) Steps() int { return int(f.steps.Float64s()[0]) }

// State returns the tensors of everything that training changes, for checkpoints.
func (f *Features) State() []tensor.Named {
	all := append([]tensor.Named{}, f.rows.tensors...)
	all = append(all, f.pairs.tensors...)
	return append(all, tensor.Named{Name: "steps", Tensor: f.steps})
}

// load works out the chains of sentences, with averaged weights or with those as they stand.
func (f *Features) load(sentences []Sentence, averaged bool) {
	f.sentences = sentences
	k := len(f.words.tags)
	c := &f.chains
	c.Lengths, c.States, f.places = c.Lengths[:0], c.States[:0], f.places[:0]
	f.starts = f.starts[:0]
	for len(f.features) < len(sentences) {
		f.features, f.ends = append(f.features, nil), append(f.ends, nil)
	}
	unary, pair := 0, 0
	for i, s := range sentences {
		c.Lengths = append(c.Lengths, len(s.Words))
		f.starts = append(f.starts, len(f.places))
		for t, w := range s.Words {
			p := place{sentence: i, word: t, unary: unary, states: k}
			if f.prune {
				p.columns = f.words.words[w].tags
				p.states = len(p.columns)
				c.States = append(c.States, p.states)
				if t > 0 {
					pair += f.places[len(f.places)-1].states * p.states
				}
			}
			unary += p.states
			f.places = append(f.places, p)
		}
	}
	if !f.prune {
		c.States, pair = append(c.States, k), k*k
	}
	c.Unary, c.Pair = scratch.Sized(c.Unary, unary), scratch.Sized(c.Pair, pair)
	f.back = 0
	if steps := f.steps.Float64s()[0]; averaged && steps > 0 {
		f.back = float32(1 / steps)
	}
	simd.Run(len(sentences), (*scoreJob)(f))
	f.pairEnergies()
}

// scoreJob works out the energies of a sentence's words.
type scoreJob Features

// Do implements simd.Job.
func (j *scoreJob) Do(i, _ int) {
	s := j.sentences[i]
	j.features[i], j.ends[i] = j.words.features(j.features[i][:0], j.ends[i][:0], s.Words)
	for _, p := range j.places[j.starts[i] : j.starts[i]+len(s.Words)] {
		j.rows.sum(j.chains.Unary[p.unary:p.unary+p.states], (*Features)(j).rowsAt(p), p.columns, j.back)
	}
}

// rowsAt returns the rows of a word's features.
func (f *Features) rowsAt(p place) []uint32 {
	lo, ends := int32(0), f.ends[p.sentence]
	if p.word > 0 {
		lo = ends[p.word-1]
	}
	return f.features[p.sentence][lo:ends[p.word]]
}

// pairEnergies fills in the pair energies: those of all tags, which the chains share, or of
// each two neighbours' candidates.
func (f *Features) pairEnergies() {
	k := len(f.words.tags)
	f.own = scratch.Sized(f.own, k*k)
	copy(f.own, f.pairs.weights)
	if f.back != 0 && f.pairs.lagged != nil {
		simd.AXPY(f.own, -f.back, f.pairs.lagged)
	}
	if !f.prune {
		copy(f.chains.Pair, f.own)
		return
	}
	at := 0
	for i, p := range f.places {
		if p.word == 0 {
			continue
		}
		for _, before := range f.places[i-1].columns {
			row := f.own[int(before)*k : int(before+1)*k]
			for _, c := range p.columns {
				f.chains.Pair[at] = row[c]
				at++
			}
		}
	}
}

// Current returns the chains of sentences under the weights as they stand, to take a step on.
// Their memory is used again by the next call of Current or Chains.
func (f *Features) Current(sentences []Sentence) *lattice.Chains[float32] {
	f.load(sentences, false)
	return &f.chains
}

// Chains implements Energies: under the averaged weights, where there are such.
func (f *Features) Chains(sentences []Sentence) *lattice.Chains[float32] {
	f.load(sentences, true)
	return &f.chains
}

// Candidates implements Energies: all tags unless Prune is set.
func (f *Features) Candidates(word int) []int32 { return f.places[word].columns }

// card implements Energies.
func (f *Features) card() modelCard {
	c := modelCard{Format: format, Model: "features", Bits: f.words.bits, Prune: f.prune, Unknown: f.words.unknown}
	if c.Unknown != nil && len(c.Unknown) == 0 {
		c.Unknown = []string{noneUnknown}
	}
	return c
}

// lexicon implements Energies.
func (f *Features) lexicon() *Lexicon { return f.words }

// weights implements Energies: the averages.
func (f *Features) weights() []tensor.Named {
	var all []tensor.Named
	for _, t := range []struct {
		name  string
		table *sparseTable
	}{{"rows", f.rows}, {"pairs", f.pairs}} {
		x := tensor.New(tensor.Float32, len(t.table.weights)/t.table.cols, t.table.cols)
		t.table.averaged(x.Float32s(), f.steps.Float64s()[0])
		all = append(all, tensor.Named{Name: t.name, Tensor: x})
	}
	return all
}

// Step takes a step of size lr on the sentences of the last call of Current. unary and pair
// are the derivatives of the sum of their losses by the chains' Unary and Pair, and have their lengths. Each row
// steps once for each time that its feature occurs, all against derivatives at the weights before.
func (f *Features) Step(unary, pair []float32, lr float64) {
	count := &f.steps.Float64s()[0]
	*count++
	f.update = updateJob{f: f, unary: unary, squares: scratch.Sized(f.update.squares, len(f.places)), lr: lr, step: *count}
	for i, p := range f.places {
		f.update.squares[i] = simd.SumSquares(unary[p.unary : p.unary+p.states])
	}
	simd.Run(updateJobs, &f.update)
	f.stepPairs(pair, lr, *count)
}

// updateJob changes the rows of one residue class: whoever does it, each row gets its
// changes in the order of the words.
type updateJob struct {
	f        *Features
	unary    []float32
	squares  []float64
	lr, step float64
}

const updateJobs = 16

// Do implements simd.Job.
func (u *updateJob) Do(class, _ int) {
	for i, p := range u.f.places {
		if u.squares[i] == 0 {
			continue
		}
		grad := u.unary[p.unary : p.unary+p.states]
		for _, r := range u.f.rowsAt(p) {
			if r%updateJobs == uint32(class) {
				u.f.rows.change(int(r), grad, p.columns, u.squares[i], u.lr, u.step)
			}
		}
	}
}

// stepPairs steps the pair energies against their derivatives, those of candidates summed
// up by tags first.
func (f *Features) stepPairs(pair []float32, lr, step float64) {
	k := len(f.words.tags)
	if f.prune {
		clear(f.own)
		at := 0
		for i, p := range f.places {
			if p.word == 0 {
				continue
			}
			for _, before := range f.places[i-1].columns {
				row := f.own[int(before)*k : int(before+1)*k]
				for _, c := range p.columns {
					row[c] += pair[at]
					at++
				}
			}
		}
		pair = f.own
	}
	for i := range k {
		grad := pair[i*k : (i+1)*k]
		if square := simd.SumSquares(grad); square > 0 {
			f.pairs.change(i, grad, nil, square, lr, step)
		}
	}
}
