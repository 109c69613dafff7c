package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// VectorsFile holds the vectors [N, Dim] and the labels [N] of a run's test pictures; its metadata has the classes and the
// pictures' paths as JSON arrays, and the distance.
const VectorsFile = "embeddings.safetensors"

// Vectors are those of a run's test pictures, in the pictures' order, with their classes.
type Vectors struct {
	Values  []float32 // [N, Dim]
	Dim     int
	Labels  []int // N, places in Classes
	Classes []string
	Paths   []string // N: where the pictures are from
	Metric  distance.Kind
}

// Write writes VectorsFile into a run's folder.
func (v *Vectors) Write(dir string) error {
	x, err := tensor.FromFloat32(v.Values, v.n(), v.Dim)
	if err != nil {
		return err
	}
	labels := tensor.New(tensor.Float32, v.n())
	for i, y := range v.Labels {
		labels.Float32s()[i] = float32(y)
	}
	classes, err := json.Marshal(v.Classes)
	if err != nil {
		return err
	}
	paths, err := json.Marshal(v.Paths)
	if err != nil {
		return err
	}
	return tensor.WriteFile(filepath.Join(dir, VectorsFile), &tensor.File{
		Metadata: map[string]string{"metric": string(v.Metric), "classes": string(classes), "paths": string(paths)},
		Tensors:  []tensor.Named{{Name: "vectors", Tensor: x}, {Name: "labels", Tensor: labels}},
	})
}

func readVectors(dir string) (*Vectors, error) {
	f, err := tensor.ReadFile(filepath.Join(dir, VectorsFile))
	if err != nil {
		return nil, err
	}
	return decodeVectors(f)
}

func decodeVectors(f *tensor.File) (v *Vectors, err error) {
	x, y := f.Get("vectors"), f.Get("labels")
	if x == nil || y == nil || x.Rank() != 2 || y.Rank() != 1 || x.Dim(0) != y.Dim(0) || x.Len() == 0 || x.DType() != tensor.Float32 {
		return nil, fmt.Errorf("it must hold the tensors vectors [N, Dim] of float32 and labels [N]")
	}
	v = &Vectors{Values: x.Float32s(), Dim: x.Dim(1), Metric: distance.Kind(f.Metadata["metric"])}
	if err := v.measure().Check(); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(f.Metadata["classes"]), &v.Classes); err != nil {
		return nil, fmt.Errorf("the classes' names: %w", err)
	}
	if v.Labels, err = wholes("labels", y, len(v.Classes)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(f.Metadata["paths"]), &v.Paths); err != nil || len(v.Paths) != v.n() {
		return nil, fmt.Errorf("there are paths of %d pictures, but %d vectors", len(v.Paths), v.n())
	}
	// What cannot be compared is refused here, once for all pictures.
	return v, new(pair.Strips[float32]).Set(v.measure(), v.Values, v.row(0), v.Dim)
}

// wholes returns a tensor's elements as whole numbers below a bound.
func wholes(name string, t *tensor.Tensor, below int) ([]int, error) {
	out := make([]int, t.Len())
	for i, v := range doubles(t) {
		if v != math.Trunc(v) || !(v >= 0 && v < float64(below)) {
			return nil, fmt.Errorf("%s[%d] is %v; it must be a whole number of at least 0 and below %d", name, i, v, below)
		}
		out[i] = int(v)
	}
	return out, nil
}

// n is the number of pictures.
func (v *Vectors) n() int { return len(v.Labels) }

// measure is the distance, as packages pair and retrieval take it.
func (v *Vectors) measure() distance.Measure { return distance.Measure{Kind: v.Metric} }

func (v *Vectors) row(i int) []float32 { return v.Values[i*v.Dim:][:v.Dim] }

// class names the class of picture i.
func (v *Vectors) class(i int) string { return v.Classes[v.Labels[i]] }

// A neighbour is a picture that a query finds.
type neighbour struct {
	index    int
	distance float64
}

// nearest returns the k pictures that are nearest to picture i, which is not one of them. Equals go in
// order of index.
func (v *Vectors) nearest(i, k int) []neighbour {
	all := make([]neighbour, 0, v.n())
	for j := range v.n() {
		if j != i {
			all = append(all, neighbour{j, distance.Between(v.measure(), v.row(i), v.row(j))})
		}
	}
	slices.SortFunc(all, func(a, b neighbour) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.index, b.index))
	})
	return all[:min(k, len(all))]
}

// sizes counts the pictures of each class.
func (v *Vectors) sizes() []int {
	sizes := make([]int, len(v.Classes))
	for _, y := range v.Labels {
		sizes[y]++
	}
	return sizes
}

// present returns the classes that have pictures: where classes are held out, the others have none.
func (v *Vectors) present() []int {
	var out []int
	for y, n := range v.sizes() {
		if n > 0 {
			out = append(out, y)
		}
	}
	return out
}

// apart returns the distances, ascending, of all pairs of the first most pictures of an order that are of one
// class, and of those that are not.
func (v *Vectors) apart(order []int, most int) (same, different []float64) {
	order = order[:min(most, len(order))]
	p := &Pairs{}
	for a, i := range order {
		for _, j := range order[:a] {
			p.Same = append(p.Same, v.Labels[i] == v.Labels[j])
			p.Distances = append(p.Distances, distance.Between(v.measure(), v.row(i), v.row(j)))
		}
	}
	return p.kinds()
}

// takenFor counts, for the first most pictures of an order, of which class the nearest other picture is.
func (v *Vectors) takenFor(order []int, most int) (confusion, error) {
	classes := v.present()
	place := make([]int, len(v.Classes))
	m := confusion{k: len(classes), counts: make([]int, len(classes)*len(classes)), total: make([]int, len(classes)), rows: "query", columns: "nearest picture"}
	for i, y := range classes {
		place[y] = i
		m.names = append(m.names, v.Classes[y])
	}
	order = order[:min(most, len(order))]
	queries := make([]float32, 0, len(order)*v.Dim)
	for _, i := range order {
		queries = append(queries, v.row(i)...)
	}
	var strips pair.Strips[float32]
	if err := strips.Set(v.measure(), queries, v.Values, v.Dim); err != nil {
		return m, err
	}
	for lo := 0; lo < len(order); {
		strip, hi := strips.At(lo)
		for a := lo; a < hi; a++ {
			i := order[a]
			if j := least(strip[(a-lo)*v.n():][:v.n()], i); j >= 0 {
				m.total[place[v.Labels[i]]]++
				m.counts[place[v.Labels[i]]*m.k+place[v.Labels[j]]]++
			}
		}
		lo = hi
	}
	return m, nil
}

// least returns the place of the least of the values, the first of equals, but for one that is left out; −1 if
// there is no other.
func least(values []float32, without int) int {
	best := -1
	for j, d := range values {
		if j != without && (best < 0 || d < values[best]) {
			best = j
		}
	}
	return best
}
