package op

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var einsums = []Operator{
	{Name: "Einsum", Since: 12, In: [2]int{1, Many}, Out: [2]int{1, 1}, Make: einsumOf},
}

// einsum sums products over the labels that the result does not have. Operands are contracted from left to right, two at a time, each time by a batch of products
// of matrices.
type einsum struct {
	terms  []term
	out    term
	batch  batch
	region grid
}

// term holds the labels of an operand, or of the result. Where there are dots, the dimensions of the ellipsis stand between first and last.
type term struct {
	first, last []int
	dots        bool
}

// ellipsis is the label of the last dimension of an ellipsis; the one before has the next number, and so on.
const ellipsis = 256

func einsumOf(n *Node) (Kernel, error) {
	equation := strings.ReplaceAll(n.Text("equation", ""), " ", "")
	left, right, explicit := strings.Cut(equation, "->")
	k := &einsum{}
	count, dots := map[int]int{}, false
	for _, s := range strings.Split(left, ",") {
		t, err := parseTerm(s)
		if err != nil {
			return nil, fmt.Errorf("equation %q: %w", equation, err)
		}
		k.terms = append(k.terms, t)
		dots = dots || t.dots
		for _, l := range slices.Concat(t.first, t.last) {
			count[l]++
		}
	}
	if len(k.terms) != len(n.Inputs) {
		return nil, fmt.Errorf("equation %q has %d operands, the node has %d inputs", equation, len(k.terms), len(n.Inputs))
	}
	if !explicit {
		k.out.dots = dots
		for l := range ellipsis {
			if count[l] == 1 {
				k.out.last = append(k.out.last, l)
			}
		}
		return k, nil
	}
	var err error
	if k.out, err = parseTerm(right); err != nil {
		return nil, fmt.Errorf("equation %q: %w", equation, err)
	}
	labels := slices.Concat(k.out.first, k.out.last)
	for i, l := range labels {
		if count[l] == 0 || slices.Contains(labels[:i], l) {
			return nil, fmt.Errorf("equation %q: label %c of the result must stand in an operand, and once in the result", equation, l)
		}
	}
	if k.out.dots && !dots {
		return nil, fmt.Errorf("equation %q: the result has an ellipsis, and no operand has", equation)
	}
	return k, nil
}

func parseTerm(s string) (term, error) {
	var t term
	first, last, dots := strings.Cut(s, "...")
	t.dots = dots
	for _, part := range []struct {
		s    string
		into *[]int
	}{{first, &t.first}, {last, &t.last}} {
		for _, c := range part.s {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return t, fmt.Errorf("%q must be letters, with at most one ellipsis", s)
			}
			*part.into = append(*part.into, int(c))
		}
	}
	return t, nil
}

// labels gives the label of each dimension where the ellipsis has n.
func (t *term) labels(n int) []int {
	list := slices.Clone(t.first)
	if t.dots {
		for i := n - 1; i >= 0; i-- {
			list = append(list, ellipsis+i)
		}
	}
	return append(list, t.last...)
}

// labelled is a tensor whose dimensions have labels, each once. Dimensions of 1 are left out, so that they broadcast.
type labelled struct {
	v               *value.Value
	labels          []int
	lengths, stride []int
}

func (t *labelled) find(label int) int { return slices.Index(t.labels, label) }

func (k *einsum) Run(c *Call) error {
	operands, shape, labels, err := k.label(c)
	if err != nil {
		return err
	}
	out, err := c.Result(0, c.In[0].Kind, shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	for _, t := range operands {
		if slices.Contains(t.lengths, 0) {
			zero, err := value.New(out.Kind)
			if err != nil {
				return err
			}
			k.region.stretch(out, zero)
			return nil
		}
	}
	t := operands[0]
	for i, next := range operands[1:] {
		keep := slices.Clone(labels)
		for _, later := range operands[2+i:] {
			keep = append(keep, later.labels...)
		}
		var whole *value.Value
		if i == len(operands)-2 {
			whole = out
		}
		if t, err = k.contract(c, t, next, keep, whole); err != nil {
			return err
		}
		if t.v == out {
			return nil
		}
	}
	if t, err = k.reduce(c, t, labels); err != nil {
		return err
	}
	k.gather(out, t, labels)
	return nil
}

// label gives the operands with their labels, and the shape and the labels of the result.
func (k *einsum) label(c *Call) (operands []labelled, shape, labels []int, err error) {
	lengths, dots := map[int]int{}, 0
	for i, v := range c.In {
		if v == nil || v.Kind != c.In[0].Kind {
			return nil, nil, nil, fmt.Errorf("inputs 0 and %d are %s and %v, must be of one type", i, c.In[0], v)
		}
		if v.Memory() == value.Bool {
			return nil, nil, nil, notFor(v.Kind)
		}
		t := &k.terms[i]
		extra := len(v.Shape) - len(t.first) - len(t.last)
		if extra < 0 || extra > 0 && !t.dots {
			return nil, nil, nil, fmt.Errorf("input %d is %s, must have a dimension for each of %d labels", i, v, len(t.first)+len(t.last))
		}
		dots = max(dots, extra)
		o := labelled{v: v}
		strides := stridesOf(nil, v.Shape)
		for j, l := range t.labels(extra) {
			d := v.Shape[j]
			if old, ok := lengths[l]; ok && old != 1 && d != 1 && old != d {
				return nil, nil, nil, fmt.Errorf("input %d is %s: dimension %d has the length %d, and the same label elsewhere %d", i, v, j, d, old)
			} else if !ok || old == 1 {
				lengths[l] = d
			}
			if d == 1 {
				continue
			}
			if at := o.find(l); at >= 0 {
				o.stride[at] += strides[j]
				continue
			}
			o.labels, o.lengths, o.stride = append(o.labels, l), append(o.lengths, d), append(o.stride, strides[j])
		}
		operands = append(operands, o)
	}
	for _, l := range k.out.labels(dots) {
		shape = append(shape, lengths[l])
		if lengths[l] != 1 {
			labels = append(labels, l)
		}
	}
	return operands, shape, labels, nil
}

// pick lists those of labels, in their order, that t has, and of which other has them or not.
func pickLabels(labels []int, t, other *labelled, both bool) (list []int) {
	for _, l := range labels {
		if t.find(l) >= 0 && other.find(l) >= 0 == both && !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// contract multiplies two tensors and sums over the labels that are not to be kept. Where the result has all its labels in the order of keep, it is written to whole, if there is one.
func (k *einsum) contract(c *Call, a, b labelled, keep []int, whole *value.Value) (labelled, error) {
	var err error
	if a, err = k.reduce(c, a, append(slices.Clone(keep), b.labels...)); err != nil {
		return a, err
	}
	if b, err = k.reduce(c, b, append(slices.Clone(keep), a.labels...)); err != nil {
		return b, err
	}
	shared, left, right := pickLabels(keep, &a, &b, true), pickLabels(keep, &a, &b, false), pickLabels(keep, &b, &a, false)
	var inner []int
	for _, l := range a.labels {
		if b.find(l) >= 0 && !slices.Contains(keep, l) {
			inner = append(inner, l)
		}
	}
	if whole != nil && slices.Equal(keep, slices.Concat(shared, right, left)) && len(left) > 0 {
		a, b, left, right = b, a, right, left
	}
	t := labelled{labels: slices.Concat(shared, left, right)}
	size := func(labels []int) int {
		n := 1
		for _, l := range labels {
			if i := a.find(l); i >= 0 {
				n *= a.lengths[i]
			} else {
				n *= b.lengths[b.find(l)]
			}
		}
		return n
	}
	for _, l := range t.labels {
		t.lengths = append(t.lengths, size([]int{l}))
	}
	t.stride = stridesOf(nil, t.lengths)
	if t.v = whole; whole == nil || !slices.Equal(keep, t.labels) {
		if t.v, err = k.scratch(c, a.v, t.lengths); err != nil {
			return t, err
		}
	}
	p := &k.batch
	p.m, p.n, p.k, p.out = size(left), size(right), size(inner), t.v
	if p.a, p.transA, err = k.matrices(c, a, shared, left, inner); err != nil {
		return t, err
	}
	if p.b, p.transB, err = k.matrices(c, b, shared, inner, right); err != nil {
		return t, err
	}
	p.placesA, p.placesB = p.placesA[:0], p.placesB[:0]
	for i := range size(shared) {
		p.placesA = append(p.placesA, i*p.m*p.k)
		p.placesB = append(p.placesB, i*p.k*p.n)
	}
	return t, p.multiply()
}

// matrices gives a tensor as matrices of rows and columns, stored one way or the other, one for each of the shared labels.
func (k *einsum) matrices(c *Call, t labelled, shared, rows, columns []int) (v *value.Value, trans bool, err error) {
	order := slices.Concat(shared, rows, columns)
	if t.dense(order) {
		return t.v, false, nil
	}
	if t.dense(slices.Concat(shared, columns, rows)) {
		return t.v, true, nil
	}
	var lengths []int
	for _, l := range order {
		lengths = append(lengths, t.lengths[t.find(l)])
	}
	if v, err = k.scratch(c, t.v, lengths); err != nil {
		return nil, false, err
	}
	k.gather(v, t, order)
	return v, false, nil
}

// dense tells whether the elements stand in memory in the order of labels, without gaps.
func (t *labelled) dense(labels []int) bool {
	n := 1
	for i := len(labels) - 1; i >= 0; i-- {
		at := t.find(labels[i])
		if t.stride[at] != n {
			return false
		}
		n *= t.lengths[at]
	}
	return n == t.v.Len()
}

// scratch is a tensor of a step between.
func (k *einsum) scratch(c *Call, like *value.Value, lengths []int) (*value.Value, error) {
	n, err := value.Volume(lengths)
	if err != nil {
		return nil, err
	}
	if err := c.Room(min(n, math.MaxInt/8) * like.Memory().Size()); err != nil {
		return nil, fmt.Errorf("a product between, %s, %w", value.Describe(like.Kind, lengths), err)
	}
	return value.New(like.Kind, lengths...)
}

// gather copies the elements of t to v, dense and in the order of labels. Labels that t does not have are broadcast.
func (k *einsum) gather(v *value.Value, t labelled, labels []int) {
	k.region.reset()
	target := v.Len()
	for _, l := range labels {
		at := t.find(l)
		target /= t.lengths[at]
		k.region.add(t.lengths[at], target, t.stride[at])
	}
	k.region.copy(v, 0, t.v, 0)
}

// reduce sums over the labels that are not to be kept.
func (k *einsum) reduce(c *Call, t labelled, keep []int) (labelled, error) {
	r := labelled{}
	var gone []int
	n := 1
	for i, l := range t.labels {
		if slices.Contains(keep, l) {
			r.labels, r.lengths = append(r.labels, l), append(r.lengths, t.lengths[i])
		} else {
			gone = append(gone, l)
			n *= t.lengths[i]
		}
	}
	if len(gone) == 0 {
		return t, nil
	}
	r.stride = stridesOf(nil, r.lengths)
	var err error
	if r.v, err = k.scratch(c, t.v, r.lengths); err != nil {
		return r, err
	}
	whole, err := k.scratch(c, t.v, append(slices.Clone(r.lengths), n))
	if err != nil {
		return r, err
	}
	k.gather(whole, t, slices.Concat(r.labels, gone))
	return r, sumRows(r.v, whole, n)
}

// sumRows puts the sums of rows of n elements into out.
func sumRows(out, x *value.Value, n int) error {
	switch x.Memory() {
	case value.F32:
		for i := range out.Len() {
			s := 0.0
			for _, e := range value.Data[float32](x)[i*n : (i+1)*n] {
				s += float64(e)
			}
			value.Data[float32](out)[i] = float32(s)
		}
	case value.F64:
		addRows[float64](out, x, n)
	case value.I8:
		addRows[int8](out, x, n)
	case value.I16:
		addRows[int16](out, x, n)
	case value.I32:
		addRows[int32](out, x, n)
	case value.I64:
		addRows[int64](out, x, n)
	case value.U8:
		addRows[uint8](out, x, n)
	case value.U16:
		addRows[uint16](out, x, n)
	case value.U32:
		addRows[uint32](out, x, n)
	case value.U64:
		addRows[uint64](out, x, n)
	default:
		return errors.New("sums " + notFor(x.Kind).Error())
	}
	return nil
}

func addRows[T value.Number](out, x *value.Value, n int) {
	dst, src := value.Data[T](out), value.Data[T](x)
	for i := range dst {
		var s T
		for _, e := range src[i*n : (i+1)*n] {
			s += e
		}
		dst[i] = s
	}
}
