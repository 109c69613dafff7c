package loss

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// CosineEmbedding pulls the directions of like pairs together and pushes those of unlike
// pairs apart.
//
// With cos = x₁·x₂/√((‖x₁‖² + ε)(‖x₂‖² + ε)), ε = 10⁻¹² as a float32,
//
//	ℓ = 1 − cos               target 1
//	ℓ = max(0, cos − Margin)  target −1
//
// Shapes: input1 and input2 are N rows of dim coordinates, target is N; a loss for each
// pair of rows. The mean divides by N.
// Units: none; Margin is a cosine, from −1 to 1 (0 to 0.5 is usual).
// Kinks: at cos = Margin the gradient passes.
// Special cases: 1 − cos keeps its digits where cos is near 1; norms whose squares
// overflow are no trouble. A row of infinite numbers gives NaN.
// Errors: Margin not finite; lengths that do not fit; a target that is neither 1 nor −1.
// With Unchecked, such a pair's loss is 0, as in PyTorch.
// PyTorch: nn.CosineEmbeddingLoss(margin=Margin).
// Source: [pytorch], [hadsell2006].
type CosineEmbedding[T tensor.Float] struct {
	Margin    float64
	Reduction Reduction
	Unchecked bool // targets may be neither 1 nor −1
}

// CosineEmbeddingLoss returns the mean loss with Margin 0 over rows of dim coordinates,
// and writes its gradients: F.cosine_embedding_loss.
func CosineEmbeddingLoss[T tensor.Float](input1, input2, target []T, dim int, dInput1, dInput2 []T) (float64, error) {
	return new(CosineEmbedding[T]).Eval(input1, input2, target, dim, dInput1, dInput2)
}

// Eval returns the loss and writes its gradients.
func (l *CosineEmbedding[T]) Eval(input1, input2, target []T, dim int, dInput1, dInput2 []T) (float64, error) {
	x, err := l.rows(input1, input2, target, dim, dInput1, dInput2)
	if err != nil {
		return 0, err
	}
	if x.Scale, err = l.Reduction.scale("CosineEmbedding", float64(len(target))); err != nil {
		return 0, err
	}
	return reduced(simd.CosineRows(&x), x.Scale), nil
}

// Each writes the loss of each pair to dst, and the gradients under the upstream gradient
// up of dst; nil stands for ones.
func (l *CosineEmbedding[T]) Each(dst, up, input1, input2, target []T, dim int, dInput1, dInput2 []T) error {
	x, err := l.rows(input1, input2, target, dim, dInput1, dInput2)
	if err != nil {
		return err
	}
	if err := eachOf("CosineEmbedding", len(target), dst, up); err != nil {
		return err
	}
	x.L, x.Up, x.Scale = dst, up, 1
	simd.CosineRows(&x)
	return nil
}

func (l *CosineEmbedding[T]) rows(input1, input2, target []T, dim int, dInput1, dInput2 []T) (x simd.CosineArgs[T], err error) {
	const name = "CosineEmbedding"
	x = simd.CosineArgs[T]{X: input1, Y: input2, Dim: dim, Target: target, Margin: l.Margin, DX: dInput1, DY: dInput2}
	if err := finiteOption(name, "margin", l.Margin); err != nil {
		return x, err
	}
	n, err := rowsOf(name, "input1", len(input1), "dim", dim)
	if err != nil {
		return x, err
	}
	if err := alike(name, len(input1), of("input2", input2)); err != nil {
		return x, err
	}
	if err := alike(name, n, of("target", target)); err != nil {
		return x, err
	}
	if err := optional(name, len(input1), by("input1", dInput1), by("input2", dInput2)); err != nil {
		return x, err
	}
	if l.Unchecked {
		return x, nil
	}
	return x, signs(name, "target", target)
}

func cosineEmbeddingEntry() Entry {
	return Entry{
		Name: "cosine_embedding", Type: "CosineEmbedding", PyTorch: "CosineEmbeddingLoss",
		Formula: "1 − cos(x₁, x₂) for y = 1; max(0, cos(x₁, x₂) − margin) for y = −1",
		Domain:  "x₁, x₂ real rows; y = ±1", Margin: "margin = 0",
		Kinks:   "cos = margin: the gradient passes",
		Differs: "norms whose squares overflow give the right cosine; 1 − cos keeps its digits where cos is near 1; a target that is not ±1 is an error",
		Source:  []string{"pytorch", "hadsell2006"},
		Inputs: []Input{
			{Name: "input1", Grad: true, Is: "rows [N, D] or [D]"},
			{Name: "input2", Grad: true, Is: "rows, of the same shape"},
			{Name: "target", Is: "1 or −1, [N] or []"},
		},
		Options: []Option{{"margin", "0", "a number"}, reductionOption, unchecked("targets that are not ±1")},
		run32:   callCosineEmbedding[float32], run64: callCosineEmbedding[float64],
	}
}

func callCosineEmbedding[T tensor.Float](c *Call[T]) error {
	x, dim, shape := c.samples("input1")
	y := c.float("input2")
	c.sameShape("input1", x.Shape, "input2", y.Shape)
	target := c.float("target")
	c.sameShape("target", target.Shape, "a label of each sample", shape)
	l := CosineEmbedding[T]{Margin: c.number("margin", 0), Reduction: c.reduction(), Unchecked: c.flag("unchecked", false)}
	return c.finish(shape,
		func(dst []T) error {
			return l.Each(dst, nil, x.Data, y.Data, target.Data, dim, c.grad("input1"), c.grad("input2"))
		},
		func() (float64, error) {
			return l.Eval(x.Data, y.Data, target.Data, dim, c.grad("input1"), c.grad("input2"))
		})
}
