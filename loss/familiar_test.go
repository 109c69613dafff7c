package loss_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
)

// The tests of this file prove rows of the table in package functional's documentation: a
// loss is one of its functionals over some energies of some answers.

// A pairing is an answer: two rows, one that cannot be given, or nothing, whose energy is 0.
type pairing struct {
	a, b int
	is   int
}

const (
	ofRows = iota
	masked
	nothing
)

// A pairEnergy returns the energy of two rows and its derivatives; ArcFace and CosFace have
// another where the answer is the correct one.
type pairEnergy func(x, y []float64, correct bool) (e float64, dx, dy []float64)

// A composition is a functional over tables of answers, the correct one first.
type composition struct {
	f       functional.Functional
	energy  pairEnergy
	answers [][]pairing
	weights []float64 // of the tables, in the sum that the loss is
}

// add adds a table.
func (c *composition) add(weight float64, answers ...pairing) {
	c.answers = append(c.answers, answers)
	c.weights = append(c.weights, weight)
}

// mean divides the weights by how many tables there are.
func (c *composition) mean() *composition {
	for i := range c.weights {
		c.weights[i] /= float64(len(c.weights))
	}
	return c
}

// eval returns the loss and its gradient by rows of d coordinates.
func (c *composition) eval(t *testing.T, x []float64, d int) (sum float64, grad []float64) {
	t.Helper()
	k := 2
	for _, table := range c.answers {
		k = max(k, len(table))
	}
	n := len(c.answers)
	energies, target := make([]float64, n*k), make([]int, n)
	for i, table := range c.answers {
		for j := range k {
			energies[i*k+j] = math.Inf(1)
			if j < len(table) {
				energies[i*k+j], _, _ = c.of(x, d, table[j], j == 0)
			}
		}
	}
	losses, slopes := make([]float64, n), make([]float64, n*k)
	if err := functional.Labels(c.f, energies, k, target, losses, slopes); err != nil {
		t.Fatal(err)
	}
	grad = make([]float64, len(x))
	for i, table := range c.answers {
		sum += c.weights[i] * losses[i]
		for j, p := range table {
			_, da, db := c.of(x, d, p, j == 0)
			for h := range da {
				grad[p.a*d+h] += c.weights[i] * slopes[i*k+j] * da[h]
				grad[p.b*d+h] += c.weights[i] * slopes[i*k+j] * db[h]
			}
		}
	}
	return sum, grad
}

func (c *composition) of(x []float64, d int, p pairing, correct bool) (e float64, da, db []float64) {
	switch p.is {
	case masked:
		return math.Inf(1), nil, nil
	case nothing:
		return 0, nil, nil
	}
	return c.energy(x[p.a*d:(p.a+1)*d], x[p.b*d:(p.b+1)*d], correct)
}

func euclidean(x, y []float64, _ bool) (e float64, dx, dy []float64) {
	e = measured(distance.Measure{Kind: distance.Euclidean}, false, x, y)
	for i, v := range x {
		dx, dy = append(dx, (v-y[i])/e), append(dy, (y[i]-v)/e)
	}
	return e, dx, dy
}

// ofDot makes an energy of a function of the scalar product, and its derivative.
func ofDot(h func(s float64) (e, slope float64)) pairEnergy {
	return func(x, y []float64, _ bool) (e float64, dx, dy []float64) {
		e, slope := h(product(x, y))
		for i, v := range x {
			dx, dy = append(dx, slope*y[i]), append(dy, slope*v)
		}
		return e, dx, dy
	}
}

// ofCosine makes an energy of a function of the cosine, and its derivative.
func ofCosine(h func(c float64, correct bool) (e, slope float64)) pairEnergy {
	return func(x, y []float64, correct bool) (e float64, dx, dy []float64) {
		nx, ny := norm(x), norm(y)
		c := product(x, y) / (nx * ny)
		e, slope := h(c, correct)
		for i, v := range x {
			dx = append(dx, slope*(y[i]/ny-c*v/nx)/nx)
			dy = append(dy, slope*(v/nx-c*y[i]/ny)/ny)
		}
		return e, dx, dy
	}
}

// TestFamiliarLosses holds losses of this package against functionals: value and gradient.
func TestFamiliarLosses(t *testing.T) {
	const d, n, classes, tau = 3, 12, 4, 0.5
	r := rand.New(rand.NewPCG(8, 9))
	x := spread(r, (n+classes)*d) // samples, then a point of each class
	y := make([]int, n)
	for i := range y {
		y[i] = i % classes
	}
	var positives, negatives [n][]pairing
	for i := range n {
		for j := range n {
			if y[i] != y[j] {
				negatives[i] = append(negatives[i], pairing{a: i, b: j})
			} else if i != j {
				positives[i] = append(positives[i], pairing{a: i, b: j})
			}
		}
	}
	each := func(f functional.Functional, e pairEnergy, answers func(c *composition, i int, p pairing)) *composition {
		c := &composition{f: f, energy: e}
		for i := range n {
			for _, p := range positives[i] {
				answers(c, i, p)
			}
		}
		return c.mean()
	}
	cosine := ofCosine(func(c float64, _ bool) (float64, float64) { return -c / tau, -1 / tau })
	ofClasses := func(e pairEnergy) *composition {
		c := &composition{f: functional.NLL{}, energy: e}
		for i := range n {
			table := []pairing{{a: i, b: n + y[i]}}
			for k := range classes {
				if k != y[i] {
					table = append(table, pairing{a: i, b: n + k})
				}
			}
			c.add(1, table...)
		}
		return c.mean()
	}
	onBatch := func(l interface {
		Eval(x []float64, d int, y []int, dx []float64) (float64, error)
	},
	) func(dx []float64) (float64, error) {
		return func(dx []float64) (float64, error) { return l.Eval(x[:n*d], d, y, dx[:n*d]) }
	}
	onClasses := func(l interface {
		Eval(x []float64, d int, y []int, points, dx, dPoints []float64) (float64, error)
	},
	) func(dx []float64) (float64, error) {
		return func(dx []float64) (float64, error) { return l.Eval(x[:n*d], d, y, x[n*d:], dx[:n*d], dx[n*d:]) }
	}
	for _, row := range []struct {
		name string
		want *composition
		eval func(dx []float64) (float64, error)
	}{
		{"triplet is Hinge", tripletsOf(n), func(dx []float64) (float64, error) {
			k := n / 3 * d
			l := &loss.TripletMargin[float64]{Margin: 0.7, P: 2}
			return l.Eval(x[:k], x[k:2*k], x[2*k:3*k], d, dx[:k], dx[k:2*k], dx[2*k:3*k])
		}},
		{"triplet, soft margin, is Log", each(functional.Log{}, euclidean, func(c *composition, i int, p pairing) {
			for _, q := range negatives[i] {
				c.add(1, p, q)
			}
		}), onBatch(&loss.BatchTriplet[float64]{Soft: true, Mining: loss.AllTriplets})},
		{"batch hard is Hinge, whose answers are all negatives", hardest(x, d, positives[:], negatives[:]), onBatch(&loss.BatchTriplet[float64]{Margin: 0.7, Over: loss.OverAll})},
		{"contrastive is SquareSquare", siamese(positives[:], negatives[:]), onBatch(&loss.Contrastive[float64]{NegMargin: 1.5, Power: 2, Over: loss.OverAll})},
		{"NT-Xent is NLL", each(functional.NLL{}, cosine, func(c *composition, i int, p pairing) {
			c.add(1, append([]pairing{p}, negatives[i]...)...)
		}), onBatch(&loss.NTXent[float64]{Distance: distance.Measure{Kind: distance.Cosine}, Temperature: tau})},
		{"SupCon is NLL", each(functional.NLL{}, cosine, func(c *composition, i int, p pairing) {
			table := append([]pairing{p}, negatives[i]...)
			for _, q := range positives[i] {
				if q != p {
					table = append(table, q)
				}
			}
			c.add(1, table...)
		}), onBatch(&loss.SupCon[float64]{Distance: distance.Measure{Kind: distance.Cosine}, Temperature: tau})},
		{"N-pair is NLL", firstTwo(classes), onBatch(loss.NewNPairs[float64]())},
		{"ArcFace is NLL", ofClasses(ofCosine(func(c float64, correct bool) (float64, float64) {
			if !correct {
				return -8 * c, -8
			}
			angle := math.Acos(c)
			return -8 * math.Cos(angle+0.3), -8 * math.Sin(angle+0.3) / math.Sin(angle)
		})), onClasses(&loss.ArcFace[float64]{Margin: 0.3, Scale: 8})},
		{"CosFace is NLL", ofClasses(ofCosine(func(c float64, correct bool) (float64, float64) {
			if correct {
				c -= 0.3
			}
			return -8 * c, -8
		})), onClasses(&loss.CosFace[float64]{Margin: 0.3, Scale: 8})},
		{"ProxyNCA++ is NLL", ofClasses(ofCosine(func(c float64, _ bool) (float64, float64) { return 9 * (2 - 2*c), -18 })), onClasses(loss.NewProxyNCAPlusPlus[float64]())},
	} {
		t.Run(row.name, func(t *testing.T) {
			value, grad := row.want.eval(t, x, d)
			dx := make([]float64, len(x))
			got, err := row.eval(dx)
			if err != nil || math.Abs(got-value) > 1e-12*max(1, value) || value == 0 {
				t.Errorf("the loss is %v, %v; the functional's %v", got, err, value)
			}
			if !near(dx, grad, 1e-11) {
				t.Errorf("the gradient is %v; the functional's %v", dx, grad)
			}
		})
	}
}

// tripletsOf has an anchor in each of the first third of n rows, a positive in the second
// and a negative in the last.
func tripletsOf(n int) *composition {
	c := &composition{f: functional.Hinge{Margin: 0.7}, energy: euclidean}
	for i := range n / 3 {
		c.add(1, pairing{a: i, b: n/3 + i}, pairing{a: i, b: 2*n/3 + i})
	}
	return c.mean()
}

// hardest has of each sample the farthest positive, and all negatives.
func hardest(x []float64, d int, positives, negatives [][]pairing) *composition {
	c := &composition{f: functional.Hinge{Margin: 0.7}, energy: euclidean}
	for i, near := range positives {
		distance := func(p pairing) float64 {
			e, _, _ := c.of(x, d, p, true)
			return e
		}
		p := slices.MaxFunc(near, func(p, q pairing) int { return int(math.Copysign(1, distance(p)-distance(q))) })
		c.add(1, append([]pairing{p}, negatives[i]...)...)
	}
	return c.mean()
}

// siamese has a table of each pair: those of one label are the correct answer, and there is
// no other; the others are a wrong one, and the correct one has the energy 0.
func siamese(positives, negatives [][]pairing) *composition {
	c := &composition{f: functional.SquareSquare{Margin: 1.5}, energy: euclidean}
	near, far := slices.Concat(positives...), slices.Concat(negatives...)
	for _, p := range near {
		c.add(1/float64(len(near)), p, pairing{is: masked})
	}
	for _, p := range far {
		c.add(1/float64(len(far)), pairing{is: nothing}, p)
	}
	return c
}

// firstTwo has the first sample of each of k labels with the second samples of all, where
// sample i has the label i mod k.
func firstTwo(k int) *composition {
	c := &composition{f: functional.NLL{}, energy: ofDot(func(s float64) (float64, float64) { return -s, -1 })}
	for i := range k {
		table := []pairing{{a: i, b: k + i}}
		for j := range k {
			if j != i {
				table = append(table, pairing{a: i, b: k + j})
			}
		}
		c.add(1, table...)
	}
	return c.mean()
}

// TestFamiliarScores does the same with losses whose energies are scores, turned round.
func TestFamiliarScores(t *testing.T) {
	const n, k = 7, 5
	r := rand.New(rand.NewPCG(2, 3))
	scores, y := spread(r, n*k), make([]int, n)
	for i := range y {
		y[i] = r.IntN(k)
	}
	for name, row := range map[string]struct {
		f      functional.Functional
		k      int
		weight float64 // of a sample's loss, in the sum that the loss is
		eval   func(dx []float64) (float64, error)
	}{
		"cross-entropy is NLL": {functional.NLL{}, k, 1.0 / n, func(dx []float64) (float64, error) {
			return loss.CrossEntropyLoss(scores, loss.Dims{Batch: n, Classes: k}, y, dx)
		}},
		"multi-class SVM is MarginCost": {functional.MarginCost{Margin: 1}, k, 1.0 / n / k, func(dx []float64) (float64, error) {
			l := loss.NewMultiMargin[float64]()
			return l.Eval(scores, y, k, dx)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			energies, losses, slopes := make([]float64, n*k), make([]float64, n), make([]float64, n*k)
			for i, s := range scores {
				energies[i] = -s
			}
			if err := functional.Labels(row.f, energies, k, y, losses, slopes); err != nil {
				t.Fatal(err)
			}
			want := 0.0
			for _, v := range losses {
				want += row.weight * v
			}
			for i := range slopes {
				slopes[i] *= -row.weight
			}
			dx := make([]float64, n*k)
			if got, err := row.eval(dx); err != nil || math.Abs(got-want) > 1e-13 || !near(dx, slopes, 1e-14) {
				t.Errorf("the loss is %v, %v; the functional's %v; or the gradients differ: %v, %v", got, err, want, dx, slopes)
			}
		})
	}
	// Two answers: the better and the worse, or the two signs of a logit.
	for i := range n {
		a, b := scores[i], scores[n+i]
		var da, db [1]float64
		ranking := loss.MarginRanking[float64]{Margin: 0.5}
		got, err := ranking.Eval([]float64{a}, []float64{b}, []float64{1}, da[:], db[:], nil)
		want, dCorrect, dOther := functional.Hinge{Margin: 0.5}.Eval(-a, -b)
		if err != nil || got != want || da[0] != -dCorrect || db[0] != -dOther {
			t.Errorf("margin ranking at %v, %v is %v, %v; Hinge is %v", a, b, got, err, want)
		}
		var logistic loss.SoftMargin[float64]
		got, err = logistic.Eval([]float64{a}, []float64{1}, da[:])
		want, dCorrect, dOther = functional.Log{}.Eval(-a/2, a/2)
		if slope := (dOther - dCorrect) / 2; err != nil || math.Abs(got-want) > 1e-15 || math.Abs(da[0]-slope) > 1e-15 {
			t.Errorf("logistic at %v is %v, %v, slope %v; Log is %v, %v", a, got, err, da[0], want, slope)
		}
	}
}
