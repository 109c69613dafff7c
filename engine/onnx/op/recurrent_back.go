package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Back gives the gradients by the input, the weights of input and state, the biases, the initial states and the peepholes: backpropagation through time. It computes the
// steps again and keeps what they need. Beyond the clip, and where a function is constant, the derivative is 0.
func (k *recurrent) Back(b *Back) error {
	for _, functions := range k.functions {
		for _, f := range functions {
			if (f.name == "leakyrelu" || f.name == "elu") && f.alpha < 0 {
				return fmt.Errorf("attribute \"activation_alpha\" is %v for %s, must not be negative where there are gradients", f.alpha, f.name)
			}
		}
	}
	return onFloats(b.In[0], func() error { return recurrentBack(k, &k.f32, b) }, func() error { return recurrentBack(k, &k.f64, b) })
}

func recurrentBack[T simd.Float](k *recurrent, s *lanes[T], b *Back) error {
	c := &Call{In: b.In}
	if err := s.measure(k, c); err != nil {
		return err
	}
	if s.batch == 0 {
		for i := range b.In {
			b.Into(i)
		}
		return nil
	}
	if err := s.prepare(k, c); err != nil {
		return err
	}
	directions := len(k.reverse)
	all := make([]*laneBack[T], directions)
	simd.Run(directions, task(func(d int) {
		all[d] = &laneBack[T]{lanes: s, kernel: k, d: d, n: k.cell.gates() * s.hidden}
		all[d].forth()
		all[d].back(b)
	}))
	for i, part := range []func(l *laneBack[T], g []T){0: nil, 1: (*laneBack[T]).weights, 2: (*laneBack[T]).stateWeights, 3: (*laneBack[T]).biases, 7: (*laneBack[T]).peepholes} {
		if part == nil || i >= len(b.In) {
			continue
		}
		if g := b.Into(i); g != nil {
			dst := value.Data[T](g)
			for d, l := range all {
				part(l, dst[len(dst)/directions*d:][:len(dst)/directions])
			}
		}
	}
	for i, state := range []func(l *laneBack[T]) []T{5: func(l *laneBack[T]) []T { return l.dh }, 6: func(l *laneBack[T]) []T { return l.dc }} {
		if state == nil || i >= len(b.In) {
			continue
		}
		if g := b.Into(i); g != nil {
			dst := value.Data[T](g)
			for d, l := range all {
				for row := range s.batch {
					simd.AddTo(dst[s.place(k, d, row)*s.hidden:][:s.hidden], state(l)[row*s.hidden:][:s.hidden])
				}
			}
		}
	}
	s.inputs(k, b, all)
	return nil
}

// inputs gives the input its gradient, from all directions.
func (s *lanes[T]) inputs(k *recurrent, b *Back, all []*laneBack[T]) {
	g, add := b.Over(0)
	if g == nil {
		return
	}
	dst := value.Data[T](g)
	swap := k.batchFirst && s.batch > 1 && s.steps > 1
	to, beta := dst, betaOf[T](add)
	if swap {
		to, beta = make([]T, len(dst)), 0
	}
	w := value.Data[T](b.In[1])
	for d, l := range all {
		gemm.Mul(false, false, s.steps*s.batch, s.input, l.n, l.gates, l.n, w[d*l.n*s.input:], s.input, beta, to, s.input)
		beta = 1
	}
	if swap {
		deliver(dst, swapOuter(make([]T, len(dst)), to, s.steps, s.batch, s.input), add)
	}
}

// laneBack goes back through the steps of a direction. What it keeps of each step is [steps, batch, …].
type laneBack[T simd.Float] struct {
	*lanes[T]
	kernel        *recurrent
	d, n          int // the direction, and the elements of all gates
	gates         []T // first the gates, then the gradients of what they are functions of
	state         []T // those of the products with the state; gates itself but for linearBeforeReset
	h, c, after   []T // the states before each step, and LSTM's c after it
	late          []T // GRU: the state's part of the third gate with linearBeforeReset, else the state as r scales it
	dh, dc        []T // the gradients of the state, [batch, hidden]
	peephole      []T // and those of the peepholes
	r             []T // weights of the state
	spare, spare2 []T
	copies        [2][]T
}

// order gives the step that is the i-th.
func (l *laneBack[T]) order(i int) int {
	if l.kernel.reverse[l.d] {
		return l.steps - 1 - i
	}
	return i
}

// at gives a step's part of what has n elements for each sequence.
func (l *laneBack[T]) at(x []T, t, n int) []T { return x[t*l.batch*n:][:l.batch*n] }

// forth computes all steps.
func (l *laneBack[T]) forth() {
	rows, n := l.steps*l.batch, l.hidden
	l.gates, l.h = make([]T, rows*l.n), make([]T, rows*n)
	lane := &l.lane[l.d]
	lane.ready(l.lanes, l.kernel, l.d)
	switch l.kernel.cell {
	case lstmCell:
		l.c, l.after = make([]T, rows*n), make([]T, rows*n)
	case gruCell:
		l.late = make([]T, rows*n)
	}
	for i := range rows {
		copy(l.gates[i*l.n:(i+1)*l.n], lane.bias)
	}
	gemm.MulPanels(rows, l.x, l.input, &lane.w, 1, l.gates, l.n, gemm.Epilogue[T]{})
	for i := range l.steps {
		t := l.order(i)
		copy(l.at(l.h, t, n), lane.h)
		if l.c != nil {
			copy(l.at(l.c, t, n), lane.c)
		}
		lane.step(t, l.at(l.gates, t, l.n), nil)
		switch {
		case l.c != nil:
			copy(l.at(l.after, t, n), lane.c)
		case l.kernel.linearBeforeReset:
			for row := range l.batch {
				copy(l.at(l.late, t, n)[row*n:(row+1)*n], lane.spare[row*l.n+2*n:])
			}
		case l.late != nil:
			copy(l.at(l.late, t, n), lane.spare)
		}
	}
}

// back goes from the last step to the first.
func (l *laneBack[T]) back(b *Back) {
	k, n := l.kernel, l.hidden
	l.dh, l.dc, l.spare, l.spare2 = make([]T, l.batch*n), make([]T, l.batch*n), make([]T, l.batch*n), make([]T, n)
	l.peephole = make([]T, 3*n)
	for i, to := range [][]T{1: l.dh, 2: l.dc} {
		if up := upOf[T](b, i); i > 0 && up != nil {
			for row := range l.batch {
				copy(to[row*n:(row+1)*n], up[l.place(k, l.d, row)*n:])
			}
		}
	}
	l.state = l.gates
	if k.linearBeforeReset {
		l.state = make([]T, len(l.gates))
	}
	l.r = value.Data[T](b.In[2])[l.d*l.n*n:][:l.n*n]
	var state, reset gemm.Panels[T]
	inner := l.n
	if k.cell == gruCell && !k.linearBeforeReset {
		inner = 2 * n
		reset.Pack(false, n, n, l.r[inner*n:], n)
	}
	state.Pack(false, inner, n, l.r, n)
	up := upOf[T](b, 0)
	for i := l.steps - 1; i >= 0; i-- {
		t := l.order(i)
		gates := l.at(l.gates, t, l.n)
		for row := range l.batch {
			if l.over(t, row) {
				clear(gates[row*l.n : (row+1)*l.n])
				clear(l.spare[row*n : (row+1)*n]) // of what r scales
				continue
			}
			if up != nil {
				at := ((t*len(k.reverse)+l.d)*l.batch + row) * n
				if k.batchFirst {
					at = ((row*l.steps+t)*len(k.reverse) + l.d) * n
				}
				simd.AddTo(l.dh[row*n:(row+1)*n], up[at:at+n])
			}
			l.cell(t, row, gates[row*l.n:(row+1)*l.n])
		}
		if k.cell == gruCell && !k.linearBeforeReset {
			l.resets(t, gates, &reset)
		}
		gemm.MulPanels(l.batch, l.at(l.state, t, l.n), l.n, &state, 1, l.dh, n, gemm.Epilogue[T]{})
	}
}

// copied is a copy of a row, good until the next of that number.
func (l *laneBack[T]) copied(i int, x []T) []T {
	l.copies[i] = append(l.copies[i][:0], x...)
	return l.copies[i]
}

// cell makes of the gates of a sequence the gradients of what they are functions of, and leaves in dh and dc what reaches the state before but by the product of the state with its weights.
func (l *laneBack[T]) cell(t, row int, g []T) {
	k, n := l.kernel, l.hidden
	f, at := k.functions[l.d], (t*l.batch+row)*n
	dh := l.dh[row*n : (row+1)*n]
	switch k.cell {
	case lstmCell:
		l.lstm(f, g, dh, l.dc[row*n:(row+1)*n], l.c[at:at+n], l.after[at:at+n])
	case gruCell:
		z, r, candidate := g[:n], g[n:2*n], g[2*n:]
		h, late, dz := l.h[at:at+n], l.late[at:at+n], l.spare2
		simd.Sub(dz, h, candidate)
		simd.Mul(dz, dz, dh)
		y := l.copied(0, candidate)
		simd.Scale(candidate, z, -1)
		simd.AddScalar(candidate, candidate, 1)
		simd.Mul(candidate, candidate, dh)
		deactivate(f[1], candidate, y, k.clip)
		simd.Mul(dh, dh, z)
		deactivate(f[0], dz, z, k.clip)
		copy(z, dz)
		if k.linearBeforeReset {
			state := l.at(l.state, t, l.n)[row*l.n : (row+1)*l.n]
			copy(state, z)
			simd.Mul(state[2*n:], candidate, r)
			simd.Mul(dz, candidate, late)
			deactivate(f[0], dz, r, k.clip)
			copy(r, dz)
			copy(state[n:], r)
		}
	case rnnCell:
		y := l.copied(0, g)
		copy(g, dh)
		clear(dh)
		deactivate(f[0], g, y, k.clip)
	}
}

// resets goes back through the product with the state that r has scaled, and through r.
func (l *laneBack[T]) resets(t int, gates []T, weights *gemm.Panels[T]) {
	n := l.hidden
	gemm.MulPanels(l.batch, gates[2*n:], l.n, weights, 0, l.spare, n, gemm.Epilogue[T]{})
	for row := range l.batch {
		if l.lanes.over(t, row) {
			continue
		}
		d, r, at := l.spare[row*n:(row+1)*n], gates[row*l.n+n:][:n], (t*l.batch+row)*n
		simd.MulAdd(l.dh[row*n:(row+1)*n], d, r)
		simd.Mul(d, d, l.h[at:at+n])
		deactivate(l.kernel.functions[l.d][0], d, r, l.kernel.clip)
		copy(r, d)
	}
}

// lstm goes back through a step of LSTM, with gates i, o, f, c.
func (l *laneBack[T]) lstm(f []gateFunction, g, dh, dc, before, after []T) {
	k, n := l.kernel, l.hidden
	i, o, forget, candidate := g[:n], g[n:2*n], g[2*n:3*n], g[3*n:]
	peephole, spare := l.lane[l.d].peephole, l.spare2
	y := l.copied(0, after)
	activate(f[2], y, 0)
	simd.Mul(spare, dh, o)
	deactivate(f[2], spare, y, 0)
	simd.AddTo(dc, spare)
	simd.Mul(spare, dh, y)
	deactivate(f[0], spare, o, k.clip)
	copy(o, spare)
	clear(dh)
	if peephole != nil {
		simd.MulAdd(dc, o, peephole[n:2*n])
		simd.MulAdd(l.peephole[n:2*n], o, after)
	}
	di, df := y, spare
	simd.Mul(di, dc, candidate)
	simd.Mul(df, dc, before)
	dCandidate := l.copied(1, dc)
	simd.Mul(dCandidate, dCandidate, i)
	deactivate(f[1], dCandidate, candidate, k.clip)
	copy(candidate, dCandidate)
	simd.Mul(dc, dc, forget)
	if k.coupled {
		simd.Sub(di, di, df)
		clear(df)
	} else {
		deactivate(f[0], df, forget, k.clip)
	}
	copy(forget, df)
	deactivate(f[0], di, i, k.clip)
	copy(i, di)
	if peephole != nil {
		simd.MulAdd(dc, i, peephole[:n])
		simd.MulAdd(dc, forget, peephole[2*n:])
		simd.MulAdd(l.peephole[:n], i, before)
		simd.MulAdd(l.peephole[2*n:], forget, before)
	}
}

// weights adds the gradient of the input's weights.
func (l *laneBack[T]) weights(g []T) {
	gemm.Mul(true, false, l.n, l.input, l.steps*l.batch, l.gates, l.n, l.x, l.input, 1, g, l.input)
}

// stateWeights adds that of the state's weights.
func (l *laneBack[T]) stateWeights(g []T) {
	n, rows := l.hidden, l.n
	if l.late != nil && !l.kernel.linearBeforeReset {
		rows = 2 * n
		gemm.Mul(true, false, n, n, l.steps*l.batch, l.gates[2*n:], l.n, l.late, n, 1, g[rows*n:], n)
	}
	gemm.Mul(true, false, rows, n, l.steps*l.batch, l.state, l.n, l.h, n, 1, g, n)
}

// biases adds those of the biases of input and state.
func (l *laneBack[T]) biases(g []T) {
	simd.SumRows(g[:l.n], l.gates, l.steps*l.batch, l.n, true)
	simd.SumRows(g[l.n:], l.state, l.steps*l.batch, l.n, true)
}

// peepholes adds those of the peepholes.
func (l *laneBack[T]) peepholes(g []T) { simd.AddTo(g, l.peephole) }

// deactivate multiplies g by the derivatives of a function, with y its results, where what it got was held in [−clip, clip] unless clip is 0. All functions rise, so that the bounds are
// known by their results.
func deactivate[T simd.Float](a gateFunction, g, y []T, clip float64) {
	switch a.name {
	case "sigmoid":
		simd.SigmoidGrad(g, g, y)
	case "tanh":
		simd.TanhGrad(g, g, y)
	case "relu":
		simd.ReLUGrad(g, g, y)
	default:
		for i, e := range y {
			g[i] *= T(a.slope(float64(e)))
		}
	}
	if clip == 0 {
		return
	}
	bounds := []T{T(-clip), T(clip)}
	activate(a, bounds, 0)
	for i, e := range y {
		if e == bounds[0] || e == bounds[1] {
			g[i] = 0
		}
	}
}

// slope is the derivative at the place where the function is y.
func (a gateFunction) slope(y float64) float64 {
	switch a.name {
	case "leakyrelu":
		if y > 0 {
			return 1
		}
		return a.alpha
	case "thresholdedrelu":
		if y == 0 {
			return 0
		}
		return 1
	case "hardsigmoid":
		if y <= 0 || y >= 1 {
			return 0
		}
		return a.alpha
	case "elu":
		if y < 0 {
			return y + a.alpha
		}
		return 1
	case "softplus":
		return -math.Expm1(-y)
	case "affine":
		return a.alpha
	case "scaledtanh":
		if a.alpha == 0 {
			return 0
		}
		return a.beta * (a.alpha - y*y/a.alpha)
	}
	return (1 - math.Abs(y)) * (1 - math.Abs(y)) // softsign
}
