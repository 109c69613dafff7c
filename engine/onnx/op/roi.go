package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var regions = []Operator{
	{Name: "MaxRoiPool", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newMaxRoiPool},
	{Name: "RoiAlign", Since: 10, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: newRoiAlign},
	{Name: "RoiAlign", Since: 16, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: newRoiAlign},
}

// roiAlign makes of each rectangle of a picture [N, C, H, W] one of a fixed size: each element is the mean of samples that lie evenly in its part of the rectangle.
// Instead of their mean it may be the greatest of the samples' parts, as the standard has it. Rectangles [n, 4] are x1, y1, x2, y2; indices [n] name their pictures.
type roiAlign struct {
	height, width, samples int
	scale                  float64
	shift                  float64 // from edges of elements to centres
	greatest               bool
}

func newRoiAlign(n *Node) (Kernel, error) {
	k := &roiAlign{
		height: n.Int("output_height", 1), width: n.Int("output_width", 1), samples: n.Int("sampling_ratio", 0),
		scale: float64(n.Float("spatial_scale", 1)), greatest: n.Text("mode", "avg", "avg", "max") == "max",
	}
	if n.Version >= 16 && n.Text("coordinate_transformation_mode", "half_pixel", "half_pixel", "output_half_pixel") == "half_pixel" {
		k.shift = 0.5
	}
	if k.height < 1 || k.width < 1 || k.height > maxExtent || k.width > maxExtent {
		return nil, fmt.Errorf("attributes \"output_height\" and \"output_width\" are %d and %d, must be at least 1", k.height, k.width)
	}
	if k.samples < 0 || k.samples > maxSamples {
		return nil, fmt.Errorf("attribute \"sampling_ratio\" is %d, must be 0 to %d", k.samples, maxSamples)
	}
	return k, nil
}

// maxSamples bounds the samples of an element along each dimension.
const maxSamples = 1 << 10

// Run computes the rectangles.
func (k *roiAlign) Run(c *Call) error {
	x, rois, index := c.In[0], c.In[1], c.In[2]
	if x.Kind != rois.Kind || len(x.Shape) != 4 || len(rois.Shape) != 2 || rois.Shape[1] != 4 || x.Shape[2] == 0 || x.Shape[3] == 0 {
		return fmt.Errorf("inputs are %s and %s, must be [N, C, H, W] and [n, 4] of one type", x, rois)
	}
	pictures, err := value.Integers(index)
	if err != nil || len(index.Shape) != 1 || len(pictures) != rois.Shape[0] {
		return fmt.Errorf("input 2 is %s, must be %d integers", index, rois.Shape[0])
	}
	for i, p := range pictures {
		if p < 0 || p >= int64(x.Shape[0]) {
			return fmt.Errorf("input 2 has index %d at %d, there are %d pictures", p, i, x.Shape[0])
		}
	}
	y, err := c.Result(0, x.Kind, rois.Shape[0], x.Shape[1], k.height, k.width)
	if err != nil || y.Len() == 0 {
		return err
	}
	switch x.Memory() {
	case value.F32:
		return alignRois[float32](k, x, y, rois, pictures)
	case value.F64:
		return alignRois[float64](k, x, y, rois, pictures)
	}
	return notFor(x.Kind)
}

func alignRois[T float32 | float64](k *roiAlign, xv, yv, rois *value.Value, pictures []int64) error {
	j := &roiJob[T]{roiAlign: k, y: value.Data[T](yv), x: value.Data[T](xv), pictures: pictures, channels: xv.Shape[1], h: xv.Shape[2], w: xv.Shape[3]}
	if err := j.place(value.Data[T](rois)); err != nil {
		return err
	}
	simd.Run(len(j.boxes), j)
	return nil
}

// place makes the boxes of the rectangles.
func (j *roiJob[T]) place(r []T) error {
	k := j.roiAlign
	for i := range j.pictures {
		var a [4]float64
		for n := range a {
			a[n] = float64(float64(r[4*i+n])*k.scale) - k.shift
		}
		b := roiBox{x: a[0], y: a[1], w: a[2] - a[0], h: a[3] - a[1]}
		if k.shift == 0 { // as it was before there were shifts: at least one element
			b.w, b.h = max(b.w, 1), max(b.h, 1)
		}
		b.w, b.h = b.w/float64(k.width), b.h/float64(k.height)
		b.nx, b.ny = k.samples, k.samples
		if k.samples == 0 {
			if !(b.w <= maxSamples && b.h <= maxSamples) {
				return fmt.Errorf("rectangle %d, %v, takes more than %d samples an element", i, a, maxSamples)
			}
			b.nx, b.ny = max(0, int(math.Ceil(b.w))), max(0, int(math.Ceil(b.h)))
		}
		j.boxes = append(j.boxes, b)
	}
	return nil
}

// roiBox is a rectangle: its corner, the size of an element's part and the number of samples in it.
type roiBox struct {
	x, y, w, h float64
	nx, ny     int
}

type roiJob[T float32 | float64] struct {
	*roiAlign
	y, x           []T
	pictures       []int64
	boxes          []roiBox
	channels, h, w int
}

// Do computes a rectangle.
func (j *roiJob[T]) Do(task, _ int) {
	b := &j.boxes[task]
	area := j.height * j.width
	for place := range area {
		for ch := range j.channels {
			x := j.x[(int(j.pictures[task])*j.channels+ch)*j.h*j.w:][:j.h*j.w]
			j.y[(task*j.channels+ch)*area+place] = T(j.element(b, x, place/j.width, place%j.width))
		}
	}
}

// element computes one element of one channel.
func (j *roiJob[T]) element(b *roiBox, x []T, row, col int) float64 {
	var sum, greatest float64
	for n := range b.ny * b.nx {
		at, parts, inside := b.sample(n, row, col, j.h, j.w)
		for i := range parts {
			if inside {
				parts[i] *= float64(x[at[i]])
			}
		}
		most := max(max(parts[0], parts[1]), max(parts[2], parts[3]))
		if n == 0 || most > greatest {
			greatest = most
		}
		sum += parts[0] + parts[1] + parts[2] + parts[3]
	}
	if j.greatest {
		return greatest
	}
	return sum / float64(max(1, b.nx*b.ny))
}

// sample gives the four elements around sample n of an element of the result and their weights in its value: the border's up to one element outside, beyond that none.
func (b *roiBox) sample(n, row, col, h, w int) (at [4]int, weight [4]float64, inside bool) {
	y0 := b.y + float64(row)*b.h + (float64(n/b.nx)+0.5)*b.h/float64(b.ny)
	x0 := b.x + float64(col)*b.w + (float64(n%b.nx)+0.5)*b.w/float64(b.nx)
	if !(y0 >= -1 && y0 <= float64(h) && x0 >= -1 && x0 <= float64(w)) {
		return at, weight, false
	}
	y0, x0 = min(max(y0, 0), float64(h-1)), min(max(x0, 0), float64(w-1))
	r, c := int(y0), int(x0)
	fy, fx := y0-float64(r), x0-float64(c)
	r1, c1 := min(r+1, h-1), min(c+1, w-1)
	return [4]int{r*w + c, r*w + c1, r1*w + c, r1*w + c1}, [4]float64{(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx}, true
}

// maxRoiPool is MaxRoiPool: each rectangle, [picture, x1, y1, x2, y2] in whole elements after scaling, is cut into as many parts as the result has
// elements, each the greatest of its part, 0 of an empty one.
type maxRoiPool struct {
	shape []int
	scale float64
}

func newMaxRoiPool(n *Node) (Kernel, error) {
	k := &maxRoiPool{shape: n.Ints("pooled_shape"), scale: float64(n.Float("spatial_scale", 1))}
	if s := k.shape; len(s) != 2 || s[0] < 1 || s[1] < 1 || s[0] > maxExtent || s[1] > maxExtent {
		return nil, fmt.Errorf("attribute \"pooled_shape\" is %v, must be two numbers of at least 1", s)
	}
	return k, nil
}

// Run computes the rectangles.
func (k *maxRoiPool) Run(c *Call) error {
	x, rois := c.In[0], c.In[1]
	if x.Kind != rois.Kind || len(x.Shape) != 4 || len(rois.Shape) != 2 || rois.Shape[1] != 5 {
		return fmt.Errorf("inputs are %s and %s, must be [N, C, H, W] and [n, 5] of one type", x, rois)
	}
	y, err := c.Result(0, x.Kind, rois.Shape[0], x.Shape[1], k.shape[0], k.shape[1])
	if err != nil {
		return err
	}
	return onFloats(x, func() error { return poolRois[float32](k, y, x, rois) }, func() error { return poolRois[float64](k, y, x, rois) })
}

func poolRois[T float32 | float64](k *maxRoiPool, yv, xv, rois *value.Value) error {
	y, x := value.Data[T](yv), value.Data[T](xv)
	return eachRoi(k, xv.Shape, x, value.Data[T](rois), func(to, from int) {
		if y[to] = 0; from >= 0 {
			y[to] = x[from]
		}
	})
}

// eachRoi calls f with the place of each element of the result and of the one of x that it is, −1 for none.
func eachRoi[T float32 | float64](k *maxRoiPool, shape []int, x, r []T, f func(to, from int)) error {
	channels, h, w := shape[1], shape[2], shape[3]
	area := k.shape[0] * k.shape[1]
	for i := range len(r) / 5 {
		var a [5]int
		for n := range a {
			v := float64(r[5*i+n])
			if n > 0 {
				v = float64(v * k.scale)
			}
			v = math.Round(v)
			if !(v > -maxExtent && v < maxExtent) {
				return fmt.Errorf("rectangle %d is %v, must be of numbers below %d", i, r[5*i:][:5], maxExtent)
			}
			a[n] = int(v)
		}
		if a[0] < 0 || a[0] >= shape[0] {
			return fmt.Errorf("rectangle %d is of picture %d, there are %d", i, a[0], shape[0])
		}
		for ch := range channels {
			plane := (a[0]*channels + ch) * h * w
			for p := range area {
				r0, r1 := roiPart(a[2], a[4], p/k.shape[1], k.shape[0], h)
				c0, c1 := roiPart(a[1], a[3], p%k.shape[1], k.shape[1], w)
				from := greatestIn(x[plane:][:h*w], w, r0, r1, c0, c1)
				if from >= 0 {
					from += plane
				}
				f((i*channels+ch)*area+p, from)
			}
		}
	}
	return nil
}

// roiPart gives the elements, of size there are, of part i of n of a rectangle from first to last.
func roiPart(first, last, i, n, size int) (lo, hi int) {
	step := float64(max(last-first+1, 1)) / float64(n)
	lo = first + int(math.Floor(float64(i)*step))
	hi = first + int(math.Ceil(float64(i+1)*step))
	return min(max(lo, 0), size), min(max(hi, 0), size)
}

// greatestIn is the place of the greatest element of a part of a plane, the first of equals but the last NaN; −1 of an empty part.
func greatestIn[T float32 | float64](x []T, w, r0, r1, c0, c1 int) int {
	most := -1
	for r := r0; r < r1; r++ {
		for c := c0; c < c1; c++ {
			if v := x[r*w+c]; most < 0 || v > x[most] || v != v {
				most = r*w + c
			}
		}
	}
	return most
}
