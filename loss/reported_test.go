package loss_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/catalogue"
	"github.com/energo-ml/energo/loss"
)

// reported are requests whose answers were wrong, or that were refused against PyTorch's
// documentation, with what is right: a loss, a derivative of the sum, or an error.
var reported = []struct {
	request string
	loss    float64
	grad    string // the input of the derivative, its first element
	slope   float64
	refused string // part of the error that is right instead
}{
	{request: `{"loss": "BCELoss", "dtype": "float64", "options": {"reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [0]}, "target": {"shape": [1], "data": [0.3]}}}`, loss: 30, grad: "target", slope: 100},
	{request: `{"loss": "BCELoss", "dtype": "float64", "options": {"reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [1]}, "target": {"shape": [1], "data": [1]}}}`, loss: 0, grad: "target", slope: -100},
	{request: `{"loss": "SmoothL1Loss", "dtype": "float32", "options": {"beta": 1e-30, "reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [1e-20]}, "target": {"shape": [1], "data": [0]}}}`, loss: 1e-20, grad: "input", slope: 1},
	{request: `{"loss": "HuberLoss", "dtype": "float32", "options": {"delta": 1e-05, "reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [3e+38]}, "target": {"shape": [1], "data": [-3e+38]}}}`, loss: 6e33, grad: "input", slope: 1e-5},
	{request: `{"loss": "PoissonNLLLoss", "dtype": "float32", "options": {"reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [100]}, "target": {"shape": [1], "data": [3e38]}}}`, loss: math.Inf(-1)},
	{request: `{"loss": "PoissonNLLLoss", "dtype": "float64", "options": {"reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [1000]}, "target": {"shape": [1], "data": [1e308]}}}`, loss: math.Inf(1), grad: "input", slope: math.Inf(1)},
	{request: `{"loss": "PoissonNLLLoss", "dtype": "float32", "options": {"full": true, "log_input": false, "reduction": "sum"}, "inputs": {"input": {"shape": [1], "data": [3e38]}, "target": {"shape": [1], "data": [3e38]}}}`, loss: 45.21736},
	{request: `{"loss": "CTCLoss", "dtype": "float32", "options": {"reduction": "none"}, "inputs": {"logits": {"shape": [2, 2], "data": [0, 17, 0, 17]}, "targets": {"shape": [1], "data": [1]}}}`, loss: 1.713908e-15, grad: "logits", slope: 1.7139082e-15},
	{request: `{"loss": "CTCLoss", "dtype": "float64", "options": {"reduction": "none"}, "inputs": {"logits": {"shape": [3, 2], "data": [0, 40, 0, 40, 0, 40]}, "targets": {"shape": [1], "data": [1]}}}`, loss: 4.248354255291589e-18, grad: "logits", slope: -1.804851387845415e-35},
	{request: `{"loss": "CTCLoss", "dtype": "float32", "options": {"reduction": "none"}, "inputs": {"logits": {"shape": [1, 3], "data": [0, "Infinity", 0]}, "targets": {"shape": [1], "data": [1]}}}`, loss: 0, grad: "logits", slope: 0},
	{request: `{"loss": "CrossEntropyLoss", "dtype": "float64", "options": {"reduction": "none"}, "inputs": {"input": {"shape": [1, 3], "data": [0, "Infinity", 0]}, "target": {"shape": [1], "data": [1]}}}`, loss: 0},
	{request: `{"loss": "GaussianNLLLoss", "dtype": "float64", "inputs": {"input": {"shape": [2, 3, 2], "data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}, "target": {"shape": [2, 3, 2], "data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}, "var": {"shape": [2, 1, 2], "data": [1, 1, 1, 1]}}}`, loss: 0, grad: "var", slope: 0.125},
	{request: `{"loss": "GaussianNLLLoss", "inputs": {"input": {"shape": [5, 2], "data": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}, "target": {"shape": [5, 1], "data": [1, 2, 3, 4, 5]}, "var": {"shape": [5, 2], "data": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}}}`, loss: 4.25, grad: "target", slope: -0.1},
	{request: `{"loss": "MultiLabelMarginLoss", "inputs": {"input": {"shape": [1, 4], "data": [0.1, 0.2, 0.4, 0.8]}, "target": {"shape": [1, 4], "data": [3, 0, -1, 1]}}}`, loss: 0.85, grad: "input", slope: -0.5},
	// What PyTorch takes though it does not document it.
	{request: `{"loss": "SoftMarginLoss", "inputs": {"input": {"shape": [2], "data": [1, 2]}, "target": {"shape": [2], "data": [0.5, -1]}}}`, refused: "target[0] is 0.5; it must be 1 or -1"},
	{request: `{"loss": "SoftMarginLoss", "options": {"unchecked": true}, "inputs": {"input": {"shape": [2], "data": [1, 2]}, "target": {"shape": [2], "data": [0.5, -1]}}}`, loss: (math.Log1p(math.Exp(-0.5)) + math.Log1p(math.Exp(2))) / 2},
	{request: `{"loss": "MultiLabelSoftMarginLoss", "options": {"weight": {"shape": [2, 2], "data": [1, 2, 3, 4]}}, "inputs": {"input": {"shape": [2, 2], "data": [1, 2, 3, 4]}, "target": {"shape": [2, 2], "data": [1, 0, 0, 1]}}}`, refused: "option weight has shape [2 2]; it must have [2]"},
}

func TestReported(t *testing.T) {
	for _, c := range reported {
		var got answer
		if err := json.Unmarshal(catalogue.Answer(nil, []byte(c.request)), &got); err != nil {
			t.Fatal(err)
		}
		if c.refused != "" {
			if !strings.Contains(got.Error, c.refused) {
				t.Errorf("%s: the error is %q, want %q", c.request, got.Error, c.refused)
			}
			continue
		}
		if got.Error != "" {
			t.Errorf("%s: %s", c.request, got.Error)
			continue
		}
		within := 1e-12
		if !strings.Contains(c.request, "float64") {
			within = 1e-6
		}
		check := func(what string, got, want float64) {
			if got != want && !(math.Abs(got-want) <= within*math.Abs(want)) {
				t.Errorf("%s: the %s is %v, want %v", c.request, what, got, want)
			}
		}
		check("loss", got.Loss.at(0), c.loss)
		if c.grad != "" {
			check("derivative by "+c.grad, got.Grad[c.grad].at(0), c.slope)
		}
	}
}

// outside has, for each loss with a field Unchecked, an input, its first element and
// options with which it is refused without the option.
var outside = map[string]struct {
	input   string
	value   float64
	options map[string]any
}{
	"bce": {input: "target", value: 1.5}, "bce_logits": {input: "target", value: 1.5}, "multilabel_soft_margin": {input: "target", value: 1.5},
	"cosine_embedding": {input: "target", value: 0.5}, "hinge_embedding": {input: "target", value: 0.5},
	"margin_ranking": {input: "target", value: 0.5}, "soft_margin": {input: "target", value: 0.5},
	"gaussian_nll": {input: "var", value: -1}, "kl_div": {input: "target", value: -1},
	"poisson_nll":   {input: "input", value: -1, options: map[string]any{"log_input": false}},
	"cross_entropy": {input: "target", value: -1},
}

// TestUncheckedOption: every loss with a field Unchecked has an option that sets it.
func TestUncheckedOption(t *testing.T) {
	fields := typesWithField(t, "Unchecked")
	if len(fields) != len(outside) {
		t.Errorf("%d types have a field Unchecked: %v; %d are tested", len(fields), fields, len(outside))
	}
	eachLoss(t, 4, func(t *testing.T, e loss.Entry, in inputs, _ *rand.Rand) {
		hasOption := slices.ContainsFunc(e.Options, func(o loss.Option) bool { return o.Name == "unchecked" })
		if has := slices.Contains(fields, e.Type); has != hasOption {
			t.Fatalf("a field Unchecked: %v; an option unchecked: %v", has, hasOption)
		}
		if !hasOption {
			return
		}
		c := outside[e.Name]
		if e.Name == "cross_entropy" { // probabilities, of which alone it is
			in["target"] = array{Shape: in["input"].Shape, Data: make([]float64, len(in["input"].Data))}
		}
		for name, x := range in { // for a rate, all are positive
			if name == c.input {
				for i := range x.Data {
					x.Data[i] = math.Abs(x.Data[i])
				}
				x.Data[0] = c.value
			}
		}
		r := request(e, in, "sum")
		for k, v := range c.options {
			r.Options[k] = v
		}
		if _, err := e.Eval(r, false); err == nil || !strings.Contains(err.Error(), c.input+"[0] is") {
			t.Errorf("checked: %v", err)
		}
		r.Options["unchecked"] = true
		if _, err := e.Eval(r, false); err != nil {
			t.Errorf("unchecked: %v", err)
		}
	})
}

// typesWithField returns the package's struct types that have an exported field of a name.
func typesWithField(t *testing.T, field string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSpec)
			if !ok || strings.HasSuffix(path, "_test.go") {
				return true
			}
			if fields, ok := s.Type.(*ast.StructType); ok {
				for _, x := range fields.Fields.List {
					if slices.ContainsFunc(x.Names, func(id *ast.Ident) bool { return id.Name == field }) {
						names = append(names, s.Name.Name)
					}
				}
			}
			return true
		})
	}
	return names
}

// TestGaussianShared: targets and variances of fewer elements stand for several, some
// elements apart, and have the sums of their gradients.
func TestGaussianShared(t *testing.T) {
	input := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} // [2, 3, 2]
	target, variance := []float64{1, 2, 3, 4}, []float64{1, 2, 3, 4, 5, 6}
	l := loss.GaussianNLL[float64]{TargetInner: 2, Reduction: loss.Sum} // targets [2, 1, 2], variances [2, 3, 1]
	dInput, dTarget, dVariance := make([]float64, 12), make([]float64, 4), make([]float64, 6)
	got, err := l.Eval(input, target, variance, dInput, dTarget, dVariance)
	must(t, err)
	var want float64
	wantTarget, wantVariance := make([]float64, 4), make([]float64, 6)
	for i, x := range input {
		j, k := i/6*2+i%2, i/2
		v, _, dt, dv := l.At(x, target[j], variance[k])
		want, wantTarget[j], wantVariance[k] = want+v, wantTarget[j]+dt, wantVariance[k]+dv
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-13*math.Abs(b) }
	if !near(got, want) || !slices.EqualFunc(dTarget, wantTarget, near) || !slices.EqualFunc(dVariance, wantVariance, near) {
		t.Errorf("%v, %v, %v; want %v, %v, %v", got, dTarget, dVariance, want, wantTarget, wantVariance)
	}
	for _, c := range []struct{ targets, inner int }{{5, 0}, {0, 0}, {4, -1}, {4, 3}, {24, 0}} {
		l := loss.GaussianNLL[float64]{TargetInner: c.inner}
		if _, err := l.Eval(input, make([]float64, c.targets), variance, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "target") {
			t.Errorf("%d targets, %d apart: %v", c.targets, c.inner, err)
		}
	}
}
