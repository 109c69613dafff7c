package answers

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Latent says what becomes of the alignments of a text.
type Latent uint8

// What a text's energy is made of its alignments'.
const (
	Least Latent = iota // the least of them: answers are paths, and a path is correct if its text is
	Sum                 // −log Σ exp(−E) over them: answers are texts, and E⁺ of log-softmax energies is CTC's loss
)

// Frames are sequences of frames with an energy for each class. A path gives each frame a
// class, and has the sum of their energies. It spells what remains when repeats are merged
// and then blanks dropped.
type Frames[T tensor.Float] struct {
	Energies []T   // [frames, Classes], one sequence after another; finite, or +Inf, which forbids
	Classes  int   // with the blank
	Blank    int   // one of the classes
	Lengths  []int // frames of each sequence

	Targets       []int // the correct texts, one after another; classes, never the blank
	TargetLengths []int
}

// Alignments are the answers of a network that gives frames energies of classes, of which a text
// of each sequence is correct, whatever its alignment. The zero value is ready for Set; one that
// is set again keeps its memory. Energies are added up in float64.
//
// Merging and dropping is a deterministic automaton: a path is at one of the 2L + 1 places of
// the text, blanks and labels in turn, or has left it for good. The correct paths end at one of the
// last two places; the others, the incorrect, have left or are cut short. A frame costs
// O(labels + classes), and the sequences of a batch share the cores.
//
// With Least, Minimum is that over all paths, Offending that over the incorrect ones; FreeEnergy and
// Wrong are sums over the same; CostMax adds up the costs C[class][other] of the frames where an
// incorrect path is off the best path of the text. With Sum, FreeEnergy and Wrong are the same sums, of
// texts, and β must be the 1 of E⁺; Minimum, Offending and CostMax have no dynamic program over
// texts, and there is no Base AboveMinimum.
//
// Source: [graves2006].
type Alignments[T tensor.Float] struct {
	Latent Latent
	Base   Base
	// PerPlace divides E⁺ and the statistic by the number of frames.
	PerPlace bool

	frames *Frames[T]
	grads  []T
	frame  []int // first frame of each sequence, and the end
	text   []int // first target of each sequence, and the end

	stat              functional.Statistic
	plus, value, zero []float64
	aligned           []int // class of each frame on the best path of the text

	dCorrect, dOther []float64 // of AddGrads
	walkers          []walker  // of the workers
}

// mostEnergy is the greatest size of an energy, of which no sum overflows.
const mostEnergy = 1e298

// Set makes a the answers to sequences f. AddGrads adds to grads, which is as long as Energies.
//
// Errors: lengths that do not fit; a blank or target that is not allowed; an energy that is NaN, −Inf or
// beyond ±1e298.
func (a *Alignments[T]) Set(f *Frames[T], grads []T) error {
	a.frames = nil
	if err := a.lay(f); err != nil {
		return err
	}
	if err := checkLength("grads", len(grads), len(f.Energies)); err != nil {
		return err
	}
	for i, v := range f.Energies {
		if !(math.Abs(float64(v)) <= mostEnergy) && !math.IsInf(float64(v), 1) {
			return fmt.Errorf("answers: Energies[%d] is %v; it must be a number from %g to %g, or +Inf to forbid", i, v, -mostEnergy, mostEnergy)
		}
	}
	a.frames, a.grads = f, grads
	return nil
}

// lay works out where everything lies and checks it.
func (a *Alignments[T]) lay(f *Frames[T]) error {
	if f.Classes < 2 || f.Blank < 0 || f.Blank >= f.Classes {
		return fmt.Errorf("answers: Classes is %d and Blank %d; there must be at least 2 classes, of which the blank is one", f.Classes, f.Blank)
	}
	if err := checkLength("TargetLengths", len(f.TargetLengths), len(f.Lengths)); err != nil {
		return err
	}
	a.frame, a.text = append(a.frame[:0], 0), append(a.text[:0], 0)
	for i, n := range f.Lengths {
		frame, text := a.frame[i], a.text[i]
		if most := len(f.Energies)/f.Classes - frame; n < 0 || n > most {
			return fmt.Errorf("answers: Lengths[%d] is %d; Energies has %d frames left for it", i, n, most)
		}
		if most := len(f.Targets) - text; f.TargetLengths[i] < 0 || f.TargetLengths[i] > most {
			return fmt.Errorf("answers: TargetLengths[%d] is %d; Targets has %d left for it", i, f.TargetLengths[i], most)
		}
		a.frame, a.text = append(a.frame, frame+n), append(a.text, text+f.TargetLengths[i])
	}
	if err := checkLength("Energies", len(f.Energies), a.frame[len(f.Lengths)]*f.Classes); err != nil {
		return err
	}
	if err := checkLength("Targets", len(f.Targets), a.text[len(f.Lengths)]); err != nil {
		return err
	}
	for i, c := range f.Targets {
		if c < 0 || c >= f.Classes || c == f.Blank {
			return fmt.Errorf("answers: Targets[%d] is %d; it must be a class from 0 to %d, and not the blank, %d", i, c, f.Classes-1, f.Blank)
		}
	}
	return nil
}

// Len implements Answers.
func (a *Alignments[T]) Len() int {
	if a.frames == nil {
		return 0
	}
	return len(a.frames.Lengths)
}

// Has implements Answers.
func (a *Alignments[T]) Has(s functional.Statistic) error {
	const space = "alignments"
	if a.Latent > Sum {
		return fmt.Errorf("answers: alignments: Latent is %d; it must be Least or Sum", a.Latent)
	}
	if err := checkSettings(space, s); err != nil {
		return err
	}
	if a.Latent == Sum {
		if a.Base == AboveMinimum {
			return &NoStatistic{space, s.Kind, "where alignments are summed, the least energy of a text, which Base is to be, has no dynamic program; set Base to LogProbability"}
		}
		switch s.Kind {
		case functional.Minimum, functional.Offending:
			return &NoStatistic{space, s.Kind, "where alignments are summed, the most probable text has no dynamic program; set Latent to Least, or the functional's rival to wrong"}
		case functional.CostMax:
			return &NoStatistic{space, s.Kind, "where alignments are summed, the text of least E − C has no dynamic program; set Latent to Least"}
		case functional.FreeEnergy, functional.Wrong:
			if s.Beta != 1 {
				return &NoStatistic{space, s.Kind, fmt.Sprintf("beta is %v, but alignments are summed at 1; a sum over texts at another has no dynamic program", s.Beta)}
			}
		}
	}
	return a.Base.check(space, s)
}

// Eval implements Answers. Errors: those of Has; a cost matrix that is not of all classes; before Set.
func (a *Alignments[T]) Eval(s functional.Statistic, correct, other []float64) error {
	if a.frames == nil {
		return fmt.Errorf("answers: alignments: Eval before Set")
	}
	if err := a.Has(s); err != nil {
		return err
	}
	n := len(a.frames.Lengths)
	if err := checkLength("correct", len(correct), n); err != nil {
		return err
	}
	if err := checkLength("other", len(other), n); err != nil {
		return err
	}
	if s.Kind == functional.CostMax && s.Cost != nil && len(s.Cost) != a.frames.Classes {
		return fmt.Errorf("answers: cost has %d rows; it must have one for each of the %d classes", len(s.Cost), a.frames.Classes)
	}
	a.stat = s
	a.hire()
	a.plus, a.value, a.zero = scratch.Sized(a.plus, n), scratch.Sized(a.value, n), scratch.Sized(a.zero, n)
	a.aligned = scratch.Sized(a.aligned, a.frame[n])
	simd.Run(n, (*alignmentEval[T])(a))
	for i := range n {
		v := a.value[i]
		if s.Kind == functional.CostMax {
			v = max(0, a.plus[i]-v)
		}
		correct[i], other[i] = settle(&s, a.Base, a.plus[i], v, a.zero[i], a.places(i))
	}
	return nil
}

// hire makes memory for the workers, of which any may get any sequence.
func (a *Alignments[T]) hire() {
	if k := simd.Threads(); len(a.walkers) < k {
		a.walkers = append(a.walkers, make([]walker, k-len(a.walkers))...)
	}
	for k := range a.walkers {
		for i, frames := range a.frames.Lengths {
			a.walkers[k].reserve(frames, a.frames.Classes, a.frames.TargetLengths[i])
		}
	}
}

// energies are those of sequence i.
func (a *Alignments[T]) energies(i int) []T {
	c := a.frames.Classes
	return a.frames.Energies[a.frame[i]*c : a.frame[i+1]*c]
}

// walker returns a worker's memory, set to sequence i.
func (a *Alignments[T]) walker(i, worker int) *walker {
	w := &a.walkers[worker]
	set(w, a.energies(i), a.frames.Blank, a.frames.Classes, a.frames.Targets[a.text[i]:a.text[i+1]])
	return w
}

// lower takes the costs of sequence i off w's energies.
func (a *Alignments[T]) lower(w *walker, i int) {
	w.chances.beta = 0
	for t := range w.frames {
		right, row := a.aligned[a.frame[i]+t], w.row(t)
		for c := range row {
			row[c] -= costOf(&a.stat, right, c)
		}
	}
}

// alignmentEval evaluates a sequence a task.
type alignmentEval[T tensor.Float] Alignments[T]

func (e *alignmentEval[T]) Do(i, worker int) {
	a := (*Alignments[T])(e)
	w := a.walker(i, worker)
	a.plus[i] = w.total(rightPaths, a.latentBeta())
	costs := a.stat.Kind == functional.CostMax
	if costs {
		a.align(w, i)
	}
	a.value[i], a.zero[i] = 0, 0
	switch a.Base {
	case AboveMinimum:
		a.zero[i] = w.total(allPaths, 0)
	case LogProbability:
		a.zero[i] = w.total(allPaths, 1)
	}
	if paths, beta, ok := a.statistic(); ok {
		if costs {
			a.lower(w, i)
		}
		a.value[i] = w.total(paths, beta)
	}
}

// align fills aligned with the classes of the best path of sequence i's text; where there is
// none, E⁺ is +Inf, and the costs do not matter.
func (a *Alignments[T]) align(w *walker, i int) {
	to := a.aligned[a.frame[i]:a.frame[i+1]]
	for t := range to {
		to[t] = a.frames.Blank
	}
	if !math.IsInf(w.total(rightPaths, 0), 1) {
		w.follow(rightPaths, func(t, class int) { to[t] = class })
	}
}

// latentBeta is 0 where E⁺ is a minimum, and 1 where it is a sum.
func (a *Alignments[T]) latentBeta() float64 {
	if a.Latent == Sum {
		return 1
	}
	return 0
}

// statistic says what the statistic is a sum, or with β = 0 a minimum, over.
func (a *Alignments[T]) statistic() (p paths, beta float64, ok bool) {
	switch a.stat.Kind {
	case functional.Minimum:
		return allPaths, 0, true
	case functional.Offending, functional.CostMax:
		return wrongPaths, 0, true
	case functional.FreeEnergy:
		return allPaths, a.stat.Beta, true
	case functional.Wrong:
		return wrongPaths, a.stat.Beta, true
	}
	return allPaths, 0, false
}

// places is what PerPlace divides by.
func (a *Alignments[T]) places(i int) float64 {
	if !a.PerPlace {
		return 1
	}
	return float64(max(1, a.frames.Lengths[i]))
}

// AddGrads implements Answers.
func (a *Alignments[T]) AddGrads(dCorrect, dOther []float64) error {
	if a.frames == nil {
		return fmt.Errorf("answers: alignments: AddGrads before Eval")
	}
	n := len(a.frames.Lengths)
	if err := checkLength("dCorrect", len(dCorrect), n); err != nil {
		return err
	}
	if err := checkLength("dOther", len(dOther), n); err != nil {
		return err
	}
	a.hire()
	a.dCorrect, a.dOther = dCorrect, dOther
	simd.Run(n, (*alignmentGrads[T])(a))
	a.dCorrect, a.dOther = nil, nil
	return nil
}

// alignmentGrads adds the derivatives of a sequence a task.
type alignmentGrads[T tensor.Float] Alignments[T]

func (e *alignmentGrads[T]) Do(i, worker int) {
	a := (*Alignments[T])(e)
	dCorrect, dOther := a.dCorrect[i]/a.places(i), a.dOther[i]/a.places(i)
	if math.IsInf(a.plus[i], 1) || dCorrect == 0 && dOther == 0 {
		return
	}
	w := a.walker(i, worker)
	grads := a.grads[a.frame[i]*w.classes : a.frame[i+1]*w.classes]
	base := pushBase(&a.stat, dCorrect, dOther)
	paths, beta, ok := a.statistic()
	switch {
	case !ok:
	case a.stat.Kind != functional.CostMax:
		add(w, grads, paths, beta, dOther)
	case a.plus[i]-a.value[i] >= 0: // the statistic is E⁺ less the least of E − C, where that is above 0
		a.lower(w, i)
		add(w, grads, paths, beta, -dOther)
		widen(w, a.energies(i))
		dCorrect += dOther
	}
	switch a.Base {
	case AboveMinimum:
		add(w, grads, allPaths, 0, -base)
	case LogProbability:
		add(w, grads, allPaths, 1, -base)
	}
	add(w, grads, rightPaths, a.latentBeta(), dCorrect)
}
