package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var grids = []Operator{
	{Name: "GridSample", Since: 16, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newGridSample},
	{Name: "GridSample", Since: 20, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newGridSample},
	{Name: "AffineGrid", Since: 20, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newAffineGrid},
}

// gridSample takes from x [N, C, d…], of two or three dimensions of space, the values at the places of a grid [N, places…, 2 or 3]. A place is from −1 to 1 along each
// dimension, the last dimension first: from the centre of the first element to that of the last with corners, else from edge to edge.
type gridSample struct {
	mode    string // nearest, linear, cubic
	padding string // zeros, border, reflection
	corners bool
}

func newGridSample(n *Node) (Kernel, error) {
	k := &gridSample{padding: n.Text("padding_mode", "zeros", "zeros", "border", "reflection"), corners: n.Bool("align_corners", false)}
	if n.Version < 20 {
		k.mode = map[string]string{"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}[n.Text("mode", "bilinear", "bilinear", "nearest", "bicubic")]
	} else {
		k.mode = n.Text("mode", "linear", "linear", "nearest", "cubic")
	}
	return k, nil
}

// Run computes the samples.
func (k *gridSample) Run(c *Call) error {
	x, grid := c.In[0], c.In[1]
	s, err := k.shape(x, grid)
	if err != nil {
		return err
	}
	y, err := c.Result(0, x.Kind, append([]int{x.Shape[0], x.Shape[1]}, grid.Shape[1:s.dims+1]...)...)
	if err != nil || y.Len() == 0 {
		return err
	}
	if s.in == 0 {
		return fmt.Errorf("input 0 is %s: there is nothing to sample", x)
	}
	switch m := x.Memory(); {
	case m == value.F32:
		s.run(&gridJob[float32]{s: s, y: value.Data[float32](y), x: value.Data[float32](x)})
	case m == value.F64:
		s.run(&gridJob[float64]{s: s, y: value.Data[float64](y), x: value.Data[float64](x)})
	case k.mode != "nearest":
		return notFor(x.Kind)
	case m.Size() == 1:
		s.run(&gridCopy[uint8]{s, value.Bits[uint8](y), value.Bits[uint8](x)})
	case m.Size() == 2:
		s.run(&gridCopy[uint16]{s, value.Bits[uint16](y), value.Bits[uint16](x)})
	case m.Size() == 4:
		s.run(&gridCopy[uint32]{s, value.Bits[uint32](y), value.Bits[uint32](x)})
	default:
		s.run(&gridCopy[uint64]{s, value.Bits[uint64](y), value.Bits[uint64](x)})
	}
	return nil
}

// shape checks the operands and gives the sizes.
func (k *gridSample) shape(x, grid *value.Value) (*gridShape, error) {
	if r := len(x.Shape); r < 4 || r > maxSpace+2 {
		return nil, fmt.Errorf("input 0 is %s, must have 4 or %d dimensions", x, maxSpace+2)
	}
	dims := len(x.Shape) - 2
	if len(grid.Shape) != dims+2 || grid.Shape[0] != x.Shape[0] || grid.Shape[dims+1] != dims {
		return nil, fmt.Errorf("the grid is %s, must be [%d, places in %d dimensions, %d]", grid, x.Shape[0], dims, dims)
	}
	var places []float64
	switch grid.Memory() {
	case value.F32:
		places = make([]float64, grid.Len())
		for i, v := range value.Data[float32](grid) {
			places[i] = float64(v)
		}
	case value.F64:
		places = value.Data[float64](grid)
	default:
		return nil, fmt.Errorf("the grid is %s, must be of floats", grid)
	}
	s := &gridShape{gridSample: k, dims: dims, n: x.Shape[0], channels: x.Shape[1], sizes: [maxSpace]int{1, 1, 1}, places: places, narrow: grid.Memory() == value.F32}
	copy(s.sizes[maxSpace-dims:], x.Shape[2:])
	s.in, s.out = s.sizes[0]*s.sizes[1]*s.sizes[2], volume(grid.Shape[1:dims+1])
	return s, nil
}

// gridShape is the sizes of a call.
type gridShape struct {
	*gridSample
	dims, n, channels int
	in, out           int // elements of a channel
	sizes             [maxSpace]int
	places            []float64
	narrow            bool // the grid is of float32
}

func (s *gridShape) run(j simd.Job) { simd.Run(s.tasks(), j) }

func (s *gridShape) tasks() int { return parts(s.n*s.out, 16*s.channels) }

// part gives the places of a task.
func (s *gridShape) part(task int) (lo, hi int) {
	n := s.tasks()
	return s.n * s.out * task / n, s.n * s.out * (task + 1) / n
}

// gridJob computes a part of the places.
type gridJob[T float32 | float64] struct {
	s    *gridShape
	y, x []T
}

// Do computes them.
func (j *gridJob[T]) Do(task, _ int) {
	s := j.s
	var taps gridTaps
	lo, hi := s.part(task)
	for p := lo; p < hi; p++ {
		s.find(&taps, p, -1)
		n, place := p/s.out, p%s.out
		for ch := n * s.channels; ch < (n+1)*s.channels; ch++ {
			var sum float64
			x := j.x[ch*s.in:][:s.in]
			for i := range taps.n {
				sum += float64(taps.weight[i] * float64(x[taps.at[i]]))
			}
			j.y[ch*s.out+place] = T(sum)
		}
	}
}

// gridCopy copies elements of any type, the nearest ones.
type gridCopy[T uint8 | uint16 | uint32 | uint64] struct {
	s    *gridShape
	y, x []T
}

// Do copies them.
func (j *gridCopy[T]) Do(task, _ int) {
	s := j.s
	var taps gridTaps
	lo, hi := s.part(task)
	for p := lo; p < hi; p++ {
		s.find(&taps, p, -1)
		n, place := p/s.out, p%s.out
		for ch := n * s.channels; ch < (n+1)*s.channels; ch++ {
			var v T
			if taps.n > 0 {
				v = j.x[ch*s.in+taps.at[0]]
			}
			j.y[ch*s.out+place] = v
		}
	}
}

// gridTaps are the elements that make a sample, four along each dimension at most.
type gridTaps struct {
	n      int
	at     [64]int
	weight [64]float64
}

// find finds the taps of place p, or with an axis, 0 to 2, the derivatives of their weights by the number of the grid that is the place along it.
func (s *gridShape) find(t *gridTaps, p, axis int) {
	t.n, t.at[0], t.weight[0] = 1, 0, 1
	for a := maxSpace - s.dims; a < maxSpace; a++ {
		size := s.sizes[a]
		x := s.pixel(s.places[p*s.dims+maxSpace-1-a], size)
		var weights [4]float64
		first, n := 0, 1
		switch {
		case x != x: // NaN gives NaN
			weights[0] = x
		case s.mode == "nearest":
			first, weights[0] = int(x), 1
		case s.mode == "linear":
			low := math.Floor(x)
			first, n = int(low), 2
			weights[0], weights[1] = 1-(x-low), x-low
		default:
			low := math.Floor(x)
			first, n = int(low)-1, 4
			for i := range weights {
				weights[i] = gridCubic.keys(x - low + 1 - float64(i))
			}
		}
		if a == axis {
			weights = s.slopes(x, s.places[p*s.dims+maxSpace-1-a], size)
		}
		s.cross(t, size, first, weights[:n])
	}
}

// gridCubic is the cubic filter's parameter, PyTorch's.
var gridCubic = resize{cubic: -0.75}

// farthest is as far from the input as places are distinguished.
const farthest = 1 << 30

// pixel gives a place among the elements, and brings it back to the input where that is how padding is meant. A cubic filter
// leaves it where it is for borders: its taps are brought back.
func (s *gridShape) pixel(v float64, size int) float64 {
	x := s.scaled(v, size)
	if s.mode == "nearest" { // before it is brought back
		x = math.RoundToEven(x)
	}
	if s.padding == "border" && s.mode != "cubic" {
		return min(max(x, 0), float64(size-1))
	}
	if s.padding == "reflection" && s.mode != "cubic" {
		x = s.reflect(x, size)
	}
	return min(max(x, -farthest), farthest)
}

// scaled turns a place between −1 and 1 into one among the elements, in float32 where the grid is of that type: what lies half way between two elements
// depends on it.
func (s *gridShape) scaled(v float64, size int) float64 {
	switch n := float32(v); {
	case s.narrow && s.corners:
		return float64(float32((n+1)/2) * float32(size-1))
	case s.narrow:
		return float64((float32((n+1)*float32(size)) - 1) / 2)
	case s.corners:
		return (v + 1) / 2 * float64(size-1)
	}
	return (float64((v+1)*float64(size)) - 1) / 2
}

// reflect brings a place back between the outermost centres with corners, else between the edges.
func (s *gridShape) reflect(x float64, size int) float64 {
	low, high := -0.5, float64(size)-0.5
	if s.corners {
		low, high = 0, float64(size-1)
	}
	if low == high {
		return 0
	}
	if math.IsInf(x, 0) {
		return low
	}
	x = math.Mod(math.Abs(x-low), 2*(high-low))
	if x > high-low {
		x = float64(2*(high-low)) - x
	}
	return min(max(x+low, 0), float64(size-1))
}

// cross makes of each tap those of one more dimension.
func (s *gridShape) cross(t *gridTaps, size, first int, weights []float64) {
	old := *t
	t.n = 0
	for i := range old.n {
		for k, w := range weights {
			at := first + k
			if at < 0 || at >= size {
				switch s.padding {
				case "zeros":
					continue
				case "border":
					at = min(max(at, 0), size-1)
				default:
					at = int(math.RoundToEven(s.reflect(float64(at), size)))
				}
			}
			if w == 0 {
				continue
			}
			t.at[t.n], t.weight[t.n] = old.at[i]*size+at, old.weight[i]*w
			t.n++
		}
	}
}

// affineGrid is AffineGrid: the places of a picture of a given size [N, C, d…], carried along by matrices theta [N, 2, 3] or [N, 3, 4], as GridSample takes them.
type affineGrid struct{ corners bool }

func newAffineGrid(n *Node) (Kernel, error) {
	return &affineGrid{corners: n.Bool("align_corners", false)}, nil
}

// Run computes the places.
func (k *affineGrid) Run(c *Call) error {
	theta := c.In[0]
	size, err := k.size(theta, c.In[1])
	if err != nil {
		return err
	}
	y, err := c.Result(0, theta.Kind, append(append([]int{size[0]}, size[2:]...), len(size)-2)...)
	if err != nil {
		return err
	}
	return onFloats(theta, func() error { affine[float32](k, y, theta, size); return nil }, func() error { affine[float64](k, y, theta, size); return nil })
}

func (k *affineGrid) size(theta, v *value.Value) ([]int, error) {
	size, err := extents("input 1, the size,", v)
	if err != nil {
		return nil, err
	}
	dims := len(size) - 2
	if dims != 2 && dims != 3 {
		return nil, fmt.Errorf("input 1, the size, is %v, must have 4 or 5 numbers", size)
	}
	return size, shaped("input 0, theta,", theta, size[0], dims, dims+1)
}

func affine[T simd.Float](k *affineGrid, yv, tv *value.Value, size []int) {
	y, theta := value.Data[T](yv), value.Data[T](tv)
	dims := len(size) - 2
	each := len(y) / size[0] / dims
	for i := range len(y) / dims {
		place := k.place(i%each, size)
		matrix := theta[i/each*dims*(dims+1):]
		for r := range dims {
			var sum float64
			for d := range dims + 1 {
				sum += float64(float64(matrix[r*(dims+1)+d]) * place[d])
			}
			y[i*dims+r] = T(sum)
		}
	}
}

// place is that of element i of a picture, the last dimension first, with a 1 behind.
func (k *affineGrid) place(i int, size []int) (place [maxSpace + 1]float64) {
	dims := len(size) - 2
	for d := range dims {
		n := size[len(size)-1-d]
		at := float64(i % n)
		i /= n
		switch {
		case !k.corners:
			place[d] = (2*at+1)/float64(n) - 1
		case n > 1:
			place[d] = 2*at/float64(n-1) - 1
		default:
			place[d] = -1
		}
	}
	place[dims] = 1
	return place
}
