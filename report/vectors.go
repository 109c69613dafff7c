package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/pair"
	"github.com/energo-ml/energo/search/distance"
	"github.com/energo-ml/energo/tensor"
)

// vectorsFile holds the vectors of the pictures that a run was tested on, in the pictures' order.
const vectorsFile = "embeddings.safetensors"

// vectors are those of a run's test pictures, with their classes.
type vectors struct {
	n, dim   int
	values   []float32 // [n, dim]
	labels   []int     // places in classes
	classes  []string
	paths    []string // where the pictures are from
	distance distance.Measure
}

// readVectors reads a run's vectors. The error is fs.ErrNotExist where there are none.
func readVectors(dir string) (*vectors, error) {
	f, err := tensor.ReadFile(filepath.Join(dir, vectorsFile))
	if err != nil {
		return nil, err
	}
	return decodeVectors(f)
}

func decodeVectors(f *tensor.File) (v *vectors, err error) {
	x, y := f.Get("vectors"), f.Get("labels")
	if x == nil || y == nil || x.Rank() != 2 || y.Rank() != 1 || x.Dim(0) != y.Dim(0) || x.Len() == 0 || x.DType() != tensor.Float32 {
		return nil, fmt.Errorf("it must hold the tensors vectors [N, Dim] of float32 and labels [N]")
	}
	v = &vectors{n: x.Dim(0), dim: x.Dim(1), values: x.Float32s(), distance: distance.Measure{Kind: distance.Kind(f.Metadata["metric"])}}
	if err := v.distance.Check(); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(f.Metadata["classes"]), &v.classes); err != nil {
		return nil, fmt.Errorf("the classes' names: %w", err)
	}
	if v.labels, err = wholes("labels", y, len(v.classes)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(f.Metadata["paths"]), &v.paths); err != nil || len(v.paths) != v.n {
		return nil, fmt.Errorf("there are paths of %d pictures, but %d vectors", len(v.paths), v.n)
	}
	// What cannot be compared is refused here, once for all pictures.
	return v, new(pair.Strips[float32]).Set(v.distance, v.values, v.row(0), v.dim)
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

func (v *vectors) row(i int) []float32 { return v.values[i*v.dim:][:v.dim] }

// class names the class of picture i.
func (v *vectors) class(i int) string { return v.classes[v.labels[i]] }

// A neighbour is a picture that a query finds.
type neighbour struct {
	index    int
	distance float64
}

// nearest returns the k pictures that are nearest to picture i, which is not one of them. Equals go in
// order of index.
func (v *vectors) nearest(i, k int) []neighbour {
	all := make([]neighbour, 0, v.n)
	for j := range v.n {
		if j != i {
			all = append(all, neighbour{j, distance.Between(v.distance, v.row(i), v.row(j))})
		}
	}
	slices.SortFunc(all, func(a, b neighbour) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.index, b.index))
	})
	return all[:min(k, len(all))]
}

// sizes counts the pictures of each class.
func (v *vectors) sizes() []int {
	sizes := make([]int, len(v.classes))
	for _, y := range v.labels {
		sizes[y]++
	}
	return sizes
}

// present returns the classes that have pictures: where classes are held out, the others have none.
func (v *vectors) present() []int {
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
func (v *vectors) apart(order []int, most int) (same, different []float64) {
	order = order[:min(most, len(order))]
	for a, i := range order {
		for _, j := range order[:a] {
			d := distance.Between(v.distance, v.row(i), v.row(j))
			if v.labels[i] == v.labels[j] {
				same = append(same, d)
			} else {
				different = append(different, d)
			}
		}
	}
	slices.Sort(same)
	slices.Sort(different)
	return same, different
}

// takenFor counts, for the first most pictures of an order, of which class the nearest other picture is.
func (v *vectors) takenFor(order []int, most int) (confusion, error) {
	classes := v.present()
	place := make([]int, len(v.classes))
	m := confusion{k: len(classes), counts: make([]int, len(classes)*len(classes)), total: make([]int, len(classes)), rows: "query", columns: "nearest picture"}
	for i, y := range classes {
		place[y] = i
		m.names = append(m.names, v.classes[y])
	}
	order = order[:min(most, len(order))]
	queries := make([]float32, 0, len(order)*v.dim)
	for _, i := range order {
		queries = append(queries, v.row(i)...)
	}
	var strips pair.Strips[float32]
	if err := strips.Set(v.distance, queries, v.values, v.dim); err != nil {
		return m, err
	}
	for lo := 0; lo < len(order); {
		strip, hi := strips.At(lo)
		for a := lo; a < hi; a++ {
			i := order[a]
			if j := least(strip[(a-lo)*v.n:][:v.n], i); j >= 0 {
				m.total[place[v.labels[i]]]++
				m.counts[place[v.labels[i]]*m.k+place[v.labels[j]]]++
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
