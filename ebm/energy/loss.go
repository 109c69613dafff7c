package energy

import (
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
)

// Loss records f's loss of each sample, [B]; the mean over it is what to minimise.
// Over labels it is one operation.
//
// Errors: what f asks of the energies does not hold (*functional.EnergyError), or the
// answers have no such statistic. A loop that should allocate nothing holds a
// LabelLoss or an AnswerLoss instead.
func Loss(a Answers, f functional.Functional) (*autodiff.Var, error) {
	if l, ok := a.(*LabelAnswers); ok {
		return new(LabelLoss).Record(l.energies, l.target, f)
	}
	return new(AnswerLoss).Record(a, f)
}

// LabelLoss records losses over label energies, each as one operation. The zero value
// is ready. One that is used again keeps its memory, so that a warm step allocates
// nothing; what it recorded before must then have gone through Backward, or be given up.
type LabelLoss struct {
	op     labelOp
	target []int
}

// Record records f's loss of each sample, [B], where e is [B, K] and target holds the
// correct labels. Errors: shapes that do not fit, a target that is not a label, and
// those of functional.LabelEvaluator.Eval.
func (l *LabelLoss) Record(e *autodiff.Var, target []int, f functional.Functional) (*autodiff.Var, error) {
	if err := checkLabels(e, target); err != nil {
		return nil, err
	}
	l.target = append(l.target[:0], target...)
	return l.op.record(e, l.target, f, functional.Statistic{})
}

// Stats says where the energies of each sample of the last Record lie, in dst's memory
// if that is enough. The tape must not have been reset since.
func (l *LabelLoss) Stats(dst []functional.LabelStats) []functional.LabelStats {
	return stats(dst, l.op.energies, l.target)
}

// labelOp is the operation from label energies to losses, or to a statistic.
type labelOp struct {
	f32           rows[float32]
	f64           rows[float64]
	out, energies *autodiff.Var
}

// record records f's loss, or statistic s if f is nil.
func (o *labelOp) record(e *autodiff.Var, target []int, f functional.Functional, s functional.Statistic) (*autodiff.Var, error) {
	o.out, o.energies = e.Tape().Custom(o, []*autodiff.Var{e}, len(target)), e
	var err error
	if e.Tape().DType() == tensor.Float64 {
		err = o.f64.eval(o.out, e, target, f, s)
	} else {
		err = o.f32.eval(o.out, e, target, f, s)
	}
	if err != nil {
		return nil, err
	}
	return o.out, nil
}

// Backward implements autodiff.Op.
func (o *labelOp) Backward(out *autodiff.Var, in []*autodiff.Var) {
	if out != o.out {
		panic("energy: a loss was recorded again before Backward; use one LabelLoss for each")
	}
	if out.Tape().DType() == tensor.Float64 {
		o.f64.back(out, in[0])
	} else {
		o.f32.back(out, in[0])
	}
}

type number interface{ float32 | float64 }

// rows is labelOp's part of one element type.
type rows[T number] struct {
	evaluator functional.LabelEvaluator[T]
	grad      []T // [B, K], of each sample's loss
}

func (r *rows[T]) eval(out, e *autodiff.Var, target []int, f functional.Functional, s functional.Statistic) error {
	energies, k := tensor.Data[T](e.Value), e.Value.Dim(1)
	var grad []T
	if out.Needs() {
		r.grad = scratch.Sized(r.grad, len(energies))
		grad = r.grad
	}
	if f == nil {
		return r.evaluator.Statistic(s, energies, k, target, tensor.Data[T](out.Value), grad)
	}
	return r.evaluator.Eval(f, energies, k, target, tensor.Data[T](out.Value), grad)
}

func (r *rows[T]) back(out, e *autodiff.Var) {
	g, k := tensor.Data[T](e.AddGrad()), e.Value.Dim(1)
	for i, up := range tensor.Data[T](out.Grad()) {
		row := g[i*k : (i+1)*k]
		for y, d := range r.grad[i*k : (i+1)*k] {
			row[y] += up * d
		}
	}
}
