// Package loss holds PyTorch's losses (torch.nn) on plain slices: value and gradient in
// one fused, vectorised, multi-core pass that allocates nothing when warm.
//
// Each loss is a struct that holds its options, set once. Its zero value is PyTorch's
// default, except where an option's zero is a meaningful setting of its own: then the
// constructor that NewX functions are has PyTorch's default. Eval returns the loss
// reduced to one number and writes its gradient; Each is reduction="none": it writes
// the loss of every element or sample, and the gradient under an upstream one. At is
// the formula at one point, in float64, where a loss is pointwise. A function named as
// PyTorch's class, such as MSELoss, is the mean loss with the default options.
//
//	l := loss.BCEWithLogits[float32]{PosWeight: w}
//	value, err := l.Eval(logits, target, dLogits, nil)
//
// Losses of vectors for search look at a batch and its labels; [OfLabels] and its
// neighbours say what each can be evaluated on. [OfPairs] and [OfTriplets] take what the
// miners of package pair choose, by the same [distance.Measure], of which less is nearer. A loss
// whose paper has similarities s takes them from it: s is 1 − d of the cosine distance d, the
// cosine itself, and −d of the others, so that of Dot it is the dot product. Where T does not hold
// a distance's square, or a dot product, the loss is NaN, and so is its gradient. The derivative of
// the Euclidean distance is 0 where that is 0, and that of Lp as [PairwiseDistance]'s.
//
// Gradients are overwritten; one that is nil is not computed. A gradient may share the
// memory of the input that it belongs to. A value keeps the scratch memory it needs, and
// serves one goroutine at a time while it uses several.
//
// Conventions at kinks, clamps and means are PyTorch's; where PyTorch overflows or gives
// NaN though mathematics is finite, ours is right: docs/conventions.md has the list.
// Input that PyTorch would broadcast or misread in silence is an error that names the
// argument, the index and the value; outputs then hold nothing of use.
package loss
