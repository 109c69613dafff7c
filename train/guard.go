package train

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

const (
	guardEvery = 200 // steps between the states that a divergence goes back to
	rateCut    = 0.5 // what a divergence multiplies the step size by
)

// An evaluation that is not finite goes back as a step does, and is done again.
//
// A state is good once it has given a finite loss and gradient. What happens in a step
// that does not: nothing is changed, the run goes back to the last good state, takes
// half the step size from there on, and so forth until its budget is spent.

// nonFinite says what of a step is not finite, or "".
func nonFinite(loss, norm float64) string {
	switch {
	case math.IsNaN(loss) || math.IsInf(loss, 0):
		return fmt.Sprintf("the loss is %v", loss)
	case math.IsNaN(norm) || math.IsInf(norm, 0):
		return fmt.Sprintf("the gradient's norm is %v", norm)
	}
	return ""
}

// rollBack goes back to the last good state with a smaller step size, or gives up. The
// samples of the bad step are not tried again, and the schedule continues.
func (l *loop) rollBack(reason string) error {
	p := &l.progress
	switch {
	case l.good.weights == nil:
		return fmt.Errorf("%w from its first step on: %s", ErrDiverged, reason)
	case p.Left == 0:
		return fmt.Errorf("%w: at step %d %s, and %d earlier divergences were rolled back already; try a smaller lr, or clip", ErrDiverged, p.Step, reason, l.c.Forgive)
	}
	p.Left--
	p.LRFactor *= rateCut
	l.good.restore(l.params)
	if err := l.c.Optimizer.Restore(l.good.optimizer); err != nil {
		return err
	}
	if l.ema != nil {
		if err := l.ema.Restore(l.good.ema); err != nil {
			return err
		}
	}
	l.emit(Diverged{Step: p.Step, Reason: reason, LR: l.rate(p.Step), Left: p.Left})
	return nil
}

// settle goes back where the last step has left weights that are not finite. Within an
// epoch the next step's loss tells; at its end there is none.
func (l *loop) settle() error {
	for _, p := range l.params {
		if simd.HasNonFinite(p.Value.Float32s()) || simd.HasNonFinite(p.Value.Float64s()) {
			return l.rollBack(fmt.Sprintf("the weights %s are not finite", p.Name))
		}
	}
	return nil
}

// snapshot is a copy of weights and, where they are passed, of the states of the optimiser
// and the averaging.
type snapshot struct {
	weights   []tensor.Named
	optimizer []tensor.Named
	ema       []tensor.Named
}

func (s *snapshot) take(params []*autodiff.Param, o optim.Optimizer, ema *optim.EMA) {
	s.weights = copies(s.weights, values(params))
	if o != nil {
		s.optimizer = copies(s.optimizer, o.State())
	}
	if ema != nil {
		s.ema = copies(s.ema, ema.State())
	}
}

// restore writes the weights back.
func (s *snapshot) restore(params []*autodiff.Param) {
	for i, p := range params {
		p.Value.CopyFrom(s.weights[i].Tensor)
	}
}

// values names the parameters' tensors, shared.
func values(params []*autodiff.Param) []tensor.Named {
	all := make([]tensor.Named, len(params))
	for i, p := range params {
		all[i] = tensor.Named{Name: p.Name, Tensor: p.Value}
	}
	return all
}

// copies copies src, into dst's memory where that fits.
func copies(dst, src []tensor.Named) []tensor.Named {
	if len(dst) != len(src) {
		dst = make([]tensor.Named, len(src))
	}
	for i, n := range src {
		if dst[i].Name == n.Name && dst[i].Tensor.Len() == n.Tensor.Len() {
			dst[i].Tensor.CopyFrom(n.Tensor)
		} else {
			dst[i] = tensor.Named{Name: n.Name, Tensor: n.Tensor.Clone()}
		}
	}
	return dst
}
