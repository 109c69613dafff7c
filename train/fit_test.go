package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/loss"
)

// clouds are n points around three centres in turn, and which centre each is of.
func clouds(n int) (x []float32, y []int) {
	rng := rand.New(rand.NewPCG(5, 0))
	for i := range n {
		angle := 2 * math.Pi * float64(i%3) / 3
		x = append(x, float32(math.Cos(angle)+0.1*rng.NormFloat64()), float32(math.Sin(angle)+0.1*rng.NormFloat64()))
		y = append(y, i%3)
	}
	return x, y
}

func mlp(in, hidden, out int) nn.Module {
	rng := rand.New(rand.NewPCG(1, 0))
	return nn.NewSequential(nn.NewLinear(in, hidden, rng), nn.SiLU{}, nn.NewLinear(hidden, out, rng))
}

func labelTask() *LabelTask {
	x, y := clouds(120)
	return &LabelTask{Model: energy.NewHead(mlp(2, 16, 3), 3), X: x, Y: y, Held: 30}
}

// TestFitLabels: every functional of the catalogue, and losses by name and by value, tell three clouds apart. The plain energy loss pushes nothing
// up, and its collapse is said.
func TestFitLabels(t *testing.T) {
	smooth := &loss.CrossEntropy[float32]{LabelSmoothing: 0.1}
	two := &loss.MultiMargin[float32]{P: 2, Margin: 1}
	by := map[string]Loss{
		"cross_entropy": LossNamed("cross_entropy", nil), "CrossEntropyLoss, options": LossNamed("CrossEntropyLoss", map[string]any{"label_smoothing": 0.1}),
		"multi_margin": LossNamed("multi_margin", nil), "value of classes": LossOf(smooth.Eval), "value of a margin": LossOf(two.Eval),
		"function of a margin": LossOf(loss.MultiMarginLoss[float32]),
	}
	for _, e := range functional.Catalogue() {
		f, err := functional.New(e.Name, functional.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		task := labelTask()
		task.Functional = f
		if e.NeedsNonNegative {
			task.Model = energy.NonNegative{Labeler: task.Model}
		}
		out, err := Fit(t.Context(), task, Config{Epochs: 60, LR: 0.02})
		if err != nil {
			t.Fatal(e.Name, err)
		}
		if bad := e.Name == "energy" || e.Demonstration; !bad && (out.BestError > 0 || out.Why != "") {
			t.Errorf("%s: %v of the samples wrong; %s", e.Name, out.BestError, out.Why)
		}
	}
	for name, l := range by {
		task := labelTask()
		task.Criterion = l
		out, err := Fit(t.Context(), task, Config{Epochs: 60, LR: 0.02})
		if err != nil || out.BestError > 0 || out.Why != "" {
			t.Errorf("%s: %v, %+v", name, err, out)
		}
	}
	flat := labelTask()
	flat.Functional = functional.Energy{}
	flat.Model = energy.NewBranches(mlp(2, 16, 4), 3, 8, 4, rand.New(rand.NewPCG(2, 0)))
	if out, err := Fit(t.Context(), flat, Config{Epochs: 200, LR: 0.05}); err != nil || !strings.Contains(out.Why, "energy") {
		t.Errorf("a collapse is not said: %v, %+v", err, out)
	}
}

// TestFitOutputs: regression, scores and vectors, by losses of every form.
func TestFitOutputs(t *testing.T) {
	x, labels := clouds(120)
	numbers, hot, signs := make([]float32, 120), make([]float32, 360), make([]float32, 120)
	for i, y := range labels {
		numbers[i], hot[3*i+y], signs[i] = x[2*i]*x[2*i+1], 1, float32(min(2*y, 2)-1)
	}
	huber, soft, margin := &loss.Huber[float32]{Delta: 0.5}, &loss.MultiLabelSoftMargin[float32]{}, &loss.SoftMargin[float32]{}
	listed := make([]int, 0, 360)
	for _, y := range labels {
		listed = append(listed, y, -1, -1)
	}
	for name, c := range map[string]struct {
		task OutputTask
		out  int
		less float64 // error in the end
	}{
		"mse":                              {OutputTask{Targets: numbers, Criterion: LossNamed("mse", nil)}, 1, 0.01},
		"MSELoss":                          {OutputTask{Targets: numbers, Criterion: LossOf(loss.MSELoss[float32])}, 1, 0.01},
		"Huber":                            {OutputTask{Targets: numbers, Criterion: LossOf(huber.Eval)}, 1, 0.005},
		"one's own":                        {OutputTask{Targets: numbers, Criterion: LossOf(halfSquares)}, 1, 0.005},
		"SoftMargin":                       {OutputTask{Targets: signs, Criterion: LossOf(margin.Eval)}, 1, 0.05},
		"hinge_embedding by labels":        {OutputTask{Targets: signs, Criterion: LossNamed("hinge_embedding", nil)}, 1, 0},
		"bce_logits":                       {OutputTask{Targets: hot, Criterion: LossNamed("bce_logits", nil)}, 3, 0.05},
		"MultiLabelSoftMargin":             {OutputTask{Targets: hot, Criterion: LossOf(soft.Eval)}, 3, 0.05},
		"MultiLabelSoftMarginLoss":         {OutputTask{Targets: hot, Criterion: LossOf(loss.MultiLabelSoftMarginLoss[float32])}, 3, 0.05},
		"multilabel_margin":                {OutputTask{Labels: listed, Criterion: LossNamed("multilabel_margin", nil)}, 3, 0.01},
		"MultiLabelMarginLoss":             {OutputTask{Labels: listed, Criterion: LossOf(loss.MultiLabelMarginLoss[float32])}, 3, 0.01},
		"cross_entropy":                    {OutputTask{Labels: labels, Criterion: LossNamed("cross_entropy", nil)}, 3, 0.05},
		"cross_entropy with probabilities": {OutputTask{Targets: hot, Criterion: LossNamed("cross_entropy", nil)}, 3, 0.05},
		"sup_con":                          {OutputTask{Labels: labels, Criterion: LossNamed("sup_con", nil)}, 4, 3.7},
		"BatchTriplet":                     {OutputTask{Labels: labels, Criterion: LossOf(loss.NewBatchTriplet[float32]().Eval)}, 4, 0.01},
	} {
		c.task.Net, c.task.X, c.task.N = mlp(2, 16, c.out), x, 120
		out, err := Fit(t.Context(), &c.task, Config{Epochs: 60, LR: 0.02})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !(float64(out.BestError) <= c.less) && c.less > 0 {
			t.Errorf("%s: mean loss %v", name, out.BestError)
		}
	}
}

// halfSquares is a loss of one's own.
func halfSquares(output, target, grad []float32) (float64, error) {
	var sum float64
	n := float64(len(output))
	for i, v := range output {
		d := float64(v - target[i])
		sum += float64(d*d) / (2 * n)
		if grad != nil {
			grad[i] = float32(d / n)
		}
	}
	return sum, nil
}

// TestLossNamedEqualsLossOf: a name and a value give the same weights.
func TestLossNamedEqualsLossOf(t *testing.T) {
	bits := func(l Loss) []uint32 {
		task := labelTask()
		task.Criterion = l
		if _, err := Fit(t.Context(), task, Config{Epochs: 3}); err != nil {
			t.Fatal(err)
		}
		return weights(task)
	}
	smooth := &loss.CrossEntropy[float32]{LabelSmoothing: 0.1}
	if !slices.Equal(bits(LossOf(smooth.Eval)), bits(LossNamed("cross_entropy", map[string]any{"label_smoothing": 0.1}))) {
		t.Error("the loss by name gives other weights than by value")
	}
}

// pointTask is a density over points about the origin.
func pointTask(o objective.Objective) *PointTask {
	rng := rand.New(rand.NewPCG(6, 0))
	y := make([]float32, 1200)
	for i := range y {
		y[i] = float32(0.5 * rng.NormFloat64())
	}
	return &PointTask{Surface: energy.Density{Net: mlp(2, 24, 1), D: 2}, Y: y, Held: 100, Objective: o}
}

// everyObjective makes one of each, with chains of their own.
func everyObjective(t *testing.T) map[string]func() objective.Objective {
	wide := sampler.Normal[float32]{D: 2, Scale: 1}
	chains := func() *sampler.Chains[float32] {
		return &sampler.Chains[float32]{Sampler: &sampler.MALA[float32]{StepSize: 0.05}, Steps: 5, Fresh: wide.Draw}
	}
	return map[string]func() objective.Objective{
		"cd": func() objective.Objective { return &objective.Contrast[float32]{Chains: chains()} },
		"pcd": func() objective.Objective {
			c, rng := chains(), rand.New(rand.NewPCG(7, 0))
			buffer, err := sampler.NewBuffer(300, 2, 0.05, func(y []float32) { wide.Draw(rng, y) })
			if err != nil {
				t.Fatal(err)
			}
			c.Buffer = buffer
			return &objective.Contrast[float32]{Chains: c}
		},
		"denoising": func() objective.Objective { return &objective.DenoisingScore[float32]{Sigma: 0.1} },
		"sliced":    func() objective.Objective { return &objective.SlicedScore[float32]{} },
		"nce":       func() objective.Objective { return objective.NewNCE[float32](wide) },
	}
}

// TestFitPoints: every objective brings −log p of points held out, with log Z by quadrature, to what the density that they were drawn from gives.
func TestFitPoints(t *testing.T) {
	for name, o := range everyObjective(t) {
		task := pointTask(o())
		out, err := Fit(t.Context(), task, Config{Epochs: 60, LR: 5e-3, EMA: 0.95})
		if err != nil || out.Why != "" {
			t.Fatalf("%s: %v, %+v", name, err, out)
		}
		slopes := energy.NewSlopes[float32](task.Surface)
		const side, edge = 100, 3.0
		nodes, e, z, nll := make([]float32, 0, 2*side*side), make([]float64, side*side), 0.0, 0.0
		for i := range side * side {
			nodes = append(nodes, float32(-edge+2*edge*(float64(i/side)+.5)/side), float32(-edge+2*edge*(float64(i%side)+.5)/side))
		}
		slopes.Energies(e, nil, nodes)
		for _, v := range e {
			z += math.Exp(-v) * 4 * edge * edge / (side * side)
		}
		held := make([]float64, 100)
		slopes.Energies(held, nil, task.Y[1000:])
		for _, v := range held {
			nll += (v + math.Log(z)) / 100
		}
		want := math.Log(2 * math.Pi * 0.25) // of the density that they were drawn from
		for _, v := range task.Y[1000:] {
			want += float64(v*v) / (2 * 0.25 * 100)
		}
		if t.Logf("%s: %.3f nat, the truth %.3f; score %v", name, nll, want, out.BestError); math.Abs(nll-want) > 0.05 {
			t.Errorf("%s: −log p of points held out is %.3f; by the density that they were drawn from %.3f", name, nll, want)
		}
		if n, ok := task.Objective.(*objective.NCE[float32]); ok && math.Abs(float64(n.LogZ.Value.Float32s()[0])-math.Log(z)) > 0.2 {
			t.Errorf("NCE's log Z is %v; quadrature has %v", n.LogZ.Value.Float32s(), math.Log(z))
		}
	}
}

// TestPointsResume: a run whose chains persist, or that learns log Z, resumes to the bits of an unbroken one.
func TestPointsResume(t *testing.T) {
	every := everyObjective(t)
	for _, name := range []string{"pcd", "nce"} {
		whole := pointTask(every[name]())
		if _, err := Fit(t.Context(), whole, Config{Epochs: 4, Run: t.TempDir()}); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		first := stopping{pointTask(every[name]()), 60, cancel}
		if out, err := Fit(ctx, &first, Config{Epochs: 4, Run: dir}); err != nil || out.Reason != "interrupted" {
			t.Fatal(err, out)
		}
		second := pointTask(every[name]())
		if _, err := Fit(t.Context(), second, Config{Epochs: 4, Run: dir, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(weights(whole), weights(second)) {
			t.Errorf("%s: other weights than an unbroken run", name)
		}
	}
}

// stopping ends its context after a number of steps.
type stopping struct {
	*PointTask
	left   int
	cancel func()
}

func (s *stopping) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return s.PointTask.Loss(tape, b)
}

// TestFitSameBits: the weights do not depend on the number of threads, on being evaluated once more, or on whether there is a folder.
func TestFitSameBits(t *testing.T) {
	defer simd.SetThreads(0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	fit := func(dir string) []uint32 {
		task := labelTask()
		task.Functional = functional.NLL{Beta: 1}
		if _, err := Fit(t.Context(), task, Config{Epochs: 3, Run: dir}); err != nil {
			t.Fatal(err)
		}
		return weights(task)
	}
	here := t.TempDir()
	t.Chdir(here)
	want := fit("")
	if entries, err := os.ReadDir(here); err != nil || len(entries) > 0 {
		t.Errorf("a run without a folder leaves %v, %v", entries, err)
	}
	simd.SetThreads(5)
	runtime.GOMAXPROCS(5)
	dir := t.TempDir()
	if !slices.Equal(fit(dir), want) {
		t.Error("other weights with a folder and other threads")
	}
	if _, err := os.Stat(filepath.Join(dir, CheckpointFile)); err != nil {
		t.Error(err)
	}
}

// TestFitRefuses: what cannot be trained is refused by name, place and value, before a step.
func TestFitRefuses(t *testing.T) {
	inf := float32(math.Inf(1))
	label := func(change func(*LabelTask)) Task {
		task := labelTask()
		task.Functional = functional.NLL{Beta: 1}
		change(task)
		return task
	}
	output := func(change func(*OutputTask)) Task {
		x, y := clouds(12)
		task := &OutputTask{Net: mlp(2, 4, 3), X: x, N: 12, Labels: y, Criterion: LossNamed("cross_entropy", nil)}
		change(task)
		return task
	}
	point := func(change func(*PointTask)) Task {
		task := pointTask(&objective.SlicedScore[float32]{})
		change(task)
		return task
	}
	ownLoss := func(_, _, _ []float32) (float64, error) { return 0, errors.New("my own") }
	for want, task := range map[string]Task{
		"LabelTask.Model is nil":                         label(func(l *LabelTask) { l.Model = nil }),
		"LabelTask.Criterion is not set":                 label(func(l *LabelTask) { l.Functional = nil }),
		"LabelTask.Y[7] is 3; it must be a label from 0": label(func(l *LabelTask) { l.Y[7] = 3 }),
		"LabelTask.Y[0] is -1":                           label(func(l *LabelTask) { l.Y[0] = -1 }),
		"LabelTask has 0 samples":                        label(func(l *LabelTask) { l.Y = nil }),
		"LabelTask.X has 239 numbers for 120":            label(func(l *LabelTask) { l.X = l.X[1:] }),
		"LabelTask.X has 0 numbers":                      label(func(l *LabelTask) { l.X = nil }),
		"LabelTask.X[5] is +Inf; it must be a finite":    label(func(l *LabelTask) { l.X[5] = inf }),
		"LabelTask.X[6] is NaN":                          label(func(l *LabelTask) { l.X[6] = inf - inf }),
		"LabelTask.Held is 120 of 120":                   label(func(l *LabelTask) { l.Held = 120 }),
		"LabelTask.Held is -1":                           label(func(l *LabelTask) { l.Held = -1 }),
		"training stopped by a fault: autodiff: Linear":  label(func(l *LabelTask) { l.Model = energy.NewHead(mlp(3, 4, 3), 3) }),
		"there is none called \"crossentropy\"":          label(func(l *LabelTask) { l.Functional, l.Criterion = nil, LossNamed("crossentropy", nil) }),
		"LabelTask.Criterion takes numbers":              label(func(l *LabelTask) { l.Functional, l.Criterion = nil, LossOf(loss.MSELoss[float32]) }),
		"the loss ctc takes":                             output(func(o *OutputTask) { o.Criterion = LossNamed("ctc", nil) }),
		"the loss mse has reduction none":                output(func(o *OutputTask) { o.Criterion = LossNamed("mse", map[string]any{"reduction": "none"}) }),
		"has no option \"smoothing\"":                    output(func(o *OutputTask) { o.Criterion = LossNamed("cross_entropy", map[string]any{"smoothing": 0.1}) }),
		"OutputTask.Net is nil":                          output(func(o *OutputTask) { o.Net = nil }),
		"OutputTask has 12 Targets and 12 Labels":        output(func(o *OutputTask) { o.Targets = make([]float32, 12) }),
		"OutputTask has 0 Targets and 0 Labels":          output(func(o *OutputTask) { o.Labels = nil }),
		"OutputTask has 11 Targets or Labels for 12":     output(func(o *OutputTask) { o.Labels = o.Labels[1:] }),
		"OutputTask.Targets[1] is +Inf":                  output(func(o *OutputTask) { o.Labels, o.Targets = nil, slices.Repeat([]float32{0, inf}, 6) }),
		"OutputTask has 0 samples":                       output(func(o *OutputTask) { o.N = 0 }),
		"OutputTask.Criterion takes labels": output(func(o *OutputTask) {
			o.Labels, o.Targets, o.Criterion = nil, make([]float32, 12), LossOf(loss.CrossEntropyLoss[float32])
		}),
		"my own":                     output(func(o *OutputTask) { o.Labels, o.Targets, o.Criterion = nil, make([]float32, 36), LossOf(ownLoss) }),
		"PointTask.Surface is nil":   point(func(p *PointTask) { p.Surface = nil }),
		"PointTask.Objective is nil": point(func(p *PointTask) { p.Objective = nil }),
		"PointTask.Y has 1199 numbers; they must be points": point(func(p *PointTask) { p.Y = p.Y[1:] }),
		"PointTask.Y[3] is NaN":                             point(func(p *PointTask) { p.Y[3] = inf - inf }),
		"PointTask has 0 samples":                           point(func(p *PointTask) { p.Y = nil }),
		"contrast: Chains is nil":                           point(func(p *PointTask) { p.Objective = &objective.Contrast[float32]{} }),
	} {
		if _, err := Fit(t.Context(), task, Config{Epochs: 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
	if _, err := Fit(t.Context(), label(func(*LabelTask) {}), Config{Epochs: 1, Resume: true}); err == nil || !strings.Contains(err.Error(), "resume without run") {
		t.Errorf("a run without a folder resumes: %v", err)
	}
	if _, err := Fit(t.Context(), label(func(*LabelTask) {}), Config{}); err == nil || !strings.Contains(err.Error(), "epochs is 0") {
		t.Errorf("no epochs: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Fit(ctx, label(func(*LabelTask) {}), Config{Epochs: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	negative := label(func(l *LabelTask) { l.Functional = functional.SquareSquare{Margin: 1} })
	var bad *functional.EnergyError
	if _, err := Fit(t.Context(), negative, Config{Epochs: 1, Batch: 1}); !errors.As(err, &bad) || bad.Sample == 0 {
		t.Errorf("a negative energy: %v; its sample should be counted in Y", err)
	}
}
