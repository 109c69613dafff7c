package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/engine/tensor"
)

// A Surface is what a model says about every answer to each sample of a labelled set,
// and what follows from it.
type Surface struct {
	N, K     int
	Energies []float64 // [N, K], row by row
	Labels   []int
	Names    []string // of the K answers; their numbers where the run does not name them

	// Of each sample: the answer with the least energy (the first, if there are several; −1
	// if none is finite), the energies of the correct and the most offending answer, and
	// their difference. NaN or infinite where the model's energies are.
	Predicted               []int
	Correct, Offending, Gap []float64
	offender                []int // the most offending answer, the first of several; −1 where no incorrect answer's energy is a number

	Wrong  int // samples whose predicted answer is not their label
	Broken int // samples with an energy that is NaN or infinite
}

// Surface reads test.safetensors: the energies and labels of the test set. The error is
// fs.ErrNotExist where the run has not been evaluated.
func (r *Run) Surface() (*Surface, error) {
	path := filepath.Join(r.Dir, TestFile)
	f, err := tensor.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("report: read the test set's energies: %w", err)
	}
	e, l := f.Get("energies"), f.Get("labels")
	if e == nil || l == nil {
		return nil, fmt.Errorf("report: %s must hold the tensors energies and labels", path)
	}
	if e.Rank() != 2 || l.Rank() != 1 || e.Dim(0) != l.Dim(0) {
		return nil, fmt.Errorf("report: %s has energies of shape %v and labels of shape %v, not [N, K] and [N]", path, e.Shape(), l.Shape())
	}
	labels, err := wholes("labels", l, e.Dim(1))
	if err != nil {
		return nil, fmt.Errorf("report: %s: %w", path, err)
	}
	s, err := NewSurface(doubles(e), e.Dim(1), labels)
	if text, ok := f.Metadata[classesKey]; ok && err == nil {
		var names []string
		if err := json.Unmarshal([]byte(text), &names); err != nil || len(names) != s.K {
			return nil, fmt.Errorf("report: %s: the metadata %s must be a list of %d names", path, classesKey, s.K)
		}
		s.Names = names
	}
	return s, err
}

// classesKey is the metadata with the names of the answers, as JSON.
const classesKey = "classes"

// WriteEnergies writes the file that Run.Surface reads: energies [N, K] and labels of a test set. names are those of the K answers; nil leaves them numbers.
func WriteEnergies(path string, energies *tensor.Tensor, labels []int, names []string) error {
	y := tensor.New(tensor.Float32, len(labels))
	for i, label := range labels {
		y.Float32s()[i] = float32(label)
	}
	f := &tensor.File{Tensors: []tensor.Named{{Name: "energies", Tensor: energies}, {Name: "labels", Tensor: y}}}
	if names != nil {
		text, err := json.Marshal(names)
		if err != nil {
			return err
		}
		f.Metadata = map[string]string{classesKey: string(text)}
	}
	return tensor.WriteFile(path, f)
}

// NewSurface works out a surface from energies [N, k], which it keeps, and labels.
// Errors: k < 2, lengths that do not fit, labels outside [0, k).
func NewSurface(energies []float64, k int, labels []int) (*Surface, error) {
	n := len(labels)
	if k < 2 {
		return nil, fmt.Errorf("report: %d answers; a surface needs two or more", k)
	}
	if len(energies) != n*k {
		return nil, fmt.Errorf("report: %d energies are not %d samples of %d answers", len(energies), n, k)
	}
	s := &Surface{
		N: n, K: k, Energies: energies, Labels: labels, Predicted: make([]int, n),
		Correct: make([]float64, n), Offending: make([]float64, n), Gap: make([]float64, n), offender: make([]int, n),
	}
	for y := range k {
		s.Names = append(s.Names, strconv.Itoa(y))
	}
	for i, y := range labels {
		if y < 0 || y >= k {
			return nil, fmt.Errorf("report: label %d is %d, not one of 0 to %d", i, y, k-1)
		}
		s.add(i, y)
	}
	return s, nil
}

// add works out sample i.
func (s *Surface) add(i, label int) {
	least, offender, offending := -1, -1, math.Inf(1)
	broken := false
	for y, e := range s.Row(i) {
		if !finite(e) {
			broken = true
		}
		if math.IsNaN(e) {
			continue
		}
		if least < 0 && e < math.Inf(1) || least >= 0 && e < s.Row(i)[least] {
			least = y
		}
		if y != label && (offender < 0 || e < offending) {
			offender, offending = y, e
		}
	}
	s.Predicted[i], s.offender[i] = least, offender
	s.Correct[i], s.Offending[i] = s.Row(i)[label], offending
	s.Gap[i] = offending - s.Correct[i]
	if least != label {
		s.Wrong++
	}
	if broken {
		s.Broken++
	}
}

// Row returns the energies of sample i over the answers, shared.
func (s *Surface) Row(i int) []float64 { return s.Energies[i*s.K : (i+1)*s.K] }

// Error returns the fraction of samples that are wrong; NaN for no samples.
func (s *Surface) Error() float64 { return float64(s.Wrong) / float64(s.N) }

// ties counts the samples whose correct and most offending answers have one energy.
func (s *Surface) ties() (n int) {
	for _, gap := range s.Gap {
		if gap == 0 {
			n++
		}
	}
	return n
}

// sortedFinite returns the finite values among v in ascending order.
func sortedFinite(v []float64) []float64 {
	out := slices.DeleteFunc(slices.Clone(v), func(x float64) bool { return !finite(x) })
	slices.Sort(out)
	return out
}

// doubles returns a tensor's elements as float64.
func doubles(t *tensor.Tensor) []float64 {
	if t.DType() == tensor.Float64 {
		return t.Float64s()
	}
	out := make([]float64, t.Len())
	for i, v := range t.Float32s() {
		out[i] = float64(v)
	}
	return out
}

// byGap returns the samples with a finite gap, the least first; samples of one gap in
// their order.
func (s *Surface) byGap() []int {
	var order []int
	for i, g := range s.Gap {
		if finite(g) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Gap[a], s.Gap[b]) })
	return order
}

// isFlat tells whether all energies of the set are one number, but for rounding.
func (s *Surface) isFlat() bool {
	b := empty()
	for _, e := range s.Energies {
		b = b.with(e)
	}
	return b.lo <= b.hi && b.isPoint()
}
