package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// shared is an argument of which one element may be that of several of the input's.
type shared[T tensor.Float] struct {
	values, gradient []T // one for each of the input's; gradient is empty where nothing is to be gathered
	inner            int
}

// fit returns x and its gradient d with an element for each of the input's n. Those of x
// are repeated, inner elements apart.
func (s *shared[T]) fit(loss, arg string, x, d []T, n, inner int) (all, gradient []T, err error) {
	s.inner, s.gradient = max(inner, 1), s.gradient[:0]
	m := len(x)
	if err := optional(loss, m, by(arg, d)); err != nil {
		return nil, nil, err
	}
	switch {
	case inner < 0:
		return nil, nil, badOption(loss, arg+"'s inner size", inner, "at least 0")
	case m == n:
		return x, d, nil
	case n == 0 && m == 1:
		clear(d)
		return x[:0], nil, nil
	case m == 0 || n == 0 || n%m != 0 || m%s.inner != 0:
		return nil, nil, badLength(loss, arg, m, n)
	}
	s.values = scratch.Sized(s.values, n)
	block := n / m * s.inner // of elements that share a run of inner
	for i := range s.values {
		s.values[i] = x[i/block*s.inner+i%s.inner]
	}
	if d == nil {
		return s.values, nil, nil
	}
	s.gradient = scratch.Sized(s.gradient, n)
	return s.values, s.gradient, nil
}

// gather adds up the gradients of the elements that share one.
func (s *shared[T]) gather(d []T) {
	if len(s.gradient) == 0 {
		return
	}
	block := len(s.gradient) / len(d) * s.inner
	for i := range d {
		first := i/s.inner*block + i%s.inner
		if s.inner == 1 {
			d[i] = T(simd.Sum(s.gradient[first : first+block]))
			continue
		}
		var sum float64
		for j := first; j < (i/s.inner+1)*block; j += s.inner {
			sum += float64(s.gradient[j])
		}
		d[i] = T(sum)
	}
}
