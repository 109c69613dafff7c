package loss_test

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss"
)

// Arguments that are nil are errors, never panics.
func TestMissingArguments(t *testing.T) {
	for name, f := range map[string]func() error{
		"CTCLoss":  func() error { _, err := loss.CTCLoss[float32](nil, nil); return err },
		"CTC.Eval": func() error { _, err := new(loss.CTC[float64]).Eval(nil, nil); return err },
		"CTC.Each": func() error { return new(loss.CTC[float64]).Each(nil, nil, nil, nil) },
		"CTC with an empty batch": func() error {
			_, err := loss.CTCLoss(&loss.CTCBatch[float64]{Frames: 2, Batch: 1, Classes: 2, Scores: make([]float64, 4)}, nil)
			return err
		},
		"AdaptiveLogSoftmaxWithLoss": func() error {
			l := &loss.AdaptiveLogSoftmaxWithLoss[float64]{Classes: 4, Cutoffs: []int{2}}
			_, err := l.Eval(nil, nil, nil, nil, nil)
			return err
		},
		"Adaptive without parameters": func() error {
			l := &loss.AdaptiveLogSoftmaxWithLoss[float64]{Classes: 4, Cutoffs: []int{2}}
			_, err := l.Eval([]float64{1}, []int{0}, &loss.Adaptive[float64]{}, nil, nil)
			return err
		},
		"LinearCrossEntropy without weights": func() error {
			_, err := new(loss.LinearCrossEntropy[float64]).Eval([]float64{1}, loss.Linear[float64]{}, 3, []int{0}, nil, loss.Linear[float64]{})
			return err
		},
	} {
		if err := f(); err == nil || !strings.HasPrefix(err.Error(), "loss: ") {
			t.Errorf("%s: %v, want an error", name, err)
		}
	}
}
