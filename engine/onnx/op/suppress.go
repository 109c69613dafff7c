package op

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var suppressions = []Operator{
	{Name: "NonMaxSuppression", Since: 10, In: [2]int{2, 5}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		centre := n.Int("center_point_box", 0)
		if centre != 0 && centre != 1 {
			return nil, fmt.Errorf("center_point_box is %d, must be 0 or 1", centre)
		}
		return &suppression{centre: centre == 1}, nil
	}},
}

// suppression selects, of each class of each picture, boxes by falling scores, of equal ones the first, and drops a box that overlaps one that is selected by more than the threshold:
// the ratio of the area that both cover to that which either does.
type suppression struct {
	centre bool // boxes are centre and size, not two corners
	boxes  []box
	order  []int
	kept   []int
}

// box has its corners in order.
type box struct{ x0, y0, x1, y1 float32 }

func (k *suppression) Run(c *Call) error {
	boxes, scores := c.In[0], c.In[1]
	if boxes.Memory() != value.F32 || scores.Memory() != value.F32 || len(boxes.Shape) != 3 || len(scores.Shape) != 3 ||
		boxes.Shape[2] != 4 || boxes.Shape[0] != scores.Shape[0] || boxes.Shape[1] != scores.Shape[2] {
		return fmt.Errorf("boxes and scores are %s and %s, must be float[N,B,4] and float[N,C,B]", boxes, scores)
	}
	most := 0
	var overlap, least float64
	hasLeast := c.Input(4) != nil
	var err error
	if v := c.Input(2); v != nil {
		if most, err = scalarOf(v, "the greatest number of boxes"); err != nil {
			return err
		}
	}
	if v := c.Input(3); v != nil {
		if overlap, err = oneNumber(v, "the overlap"); err != nil {
			return err
		}
		if !(overlap >= 0 && overlap <= 1) {
			return fmt.Errorf("the overlap is %v, must be 0 to 1", overlap)
		}
	}
	if hasLeast {
		if least, err = oneNumber(c.Input(4), "the least score"); err != nil {
			return err
		}
	}
	pictures, classes, n := scores.Shape[0], scores.Shape[1], scores.Shape[2]
	var selected []int64
	for p := range pictures {
		if scores.Len() == 0 || most <= 0 {
			break
		}
		k.read(value.Data[float32](boxes)[p*n*4 : (p+1)*n*4])
		for class := range classes {
			s := value.Data[float32](scores)[(p*classes+class)*n:][:n]
			k.order = k.order[:0]
			for i, e := range s {
				if !hasLeast || e > float32(least) {
					k.order = append(k.order, i)
				}
			}
			slices.SortFunc(k.order, func(a, b int) int { return cmp.Or(nanLast(s[b], s[a]), a-b) })
			k.choose(most, float32(overlap))
			for _, i := range k.kept {
				selected = append(selected, int64(p), int64(class), int64(i))
			}
		}
	}
	out, err := c.Result(0, format.Int64, len(selected)/3, 3)
	if err != nil {
		return err
	}
	copy(value.Data[int64](out), selected)
	return nil
}

func (k *suppression) read(x []float32) {
	k.boxes = k.boxes[:0]
	for i := 0; i < len(x); i += 4 {
		if k.centre {
			cx, cy, w, h := x[i], x[i+1], float32(x[i+2]/2), float32(x[i+3]/2)
			k.boxes = append(k.boxes, box{cx - w, cy - h, cx + w, cy + h})
			continue
		}
		y0, x0, y1, x1 := x[i], x[i+1], x[i+2], x[i+3]
		k.boxes = append(k.boxes, box{min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)})
	}
}

// choose fills kept from order.
func (k *suppression) choose(most int, overlap float32) {
	k.kept = k.kept[:0]
	for _, i := range k.order {
		if len(k.kept) >= most {
			return
		}
		if !slices.ContainsFunc(k.kept, func(j int) bool { return k.boxes[i].shared(k.boxes[j]) > overlap }) {
			k.kept = append(k.kept, i)
		}
	}
}

// shared is the area that both boxes cover, as a part of that which either does.
func (b box) shared(o box) float32 {
	w, h := min(b.x1, o.x1)-max(b.x0, o.x0), min(b.y1, o.y1)-max(b.y0, o.y0)
	if !(w > 0 && h > 0) {
		return 0
	}
	both := float32(w * h)
	either := b.area() + o.area() - both
	if !(either > 0) {
		return 0
	}
	return both / either
}

func (b box) area() float32 { return float32((b.x1 - b.x0) * (b.y1 - b.y0)) }
