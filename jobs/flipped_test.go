package jobs

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// TestFlippedBits flips single bits all over the files of weights of a run: resuming from
// such a checkpoint and evaluating such a model is refused, and the error names the file.
func TestFlippedBits(t *testing.T) {
	c := small()
	c.Model, c.EMA = "mlp", 0.9
	_, dir := trained(t, c)
	for _, test := range []struct {
		name  string
		flips int
		read  func() error
	}{
		{train.CheckpointFile, 100, func() error {
			_, err := resumed(t.Context(), c, dir, true, nil)
			return err
		}},
		{ModelFile, 50, func() error {
			_, err := job.Eval(t.Context(), dir, digitsOver(sets()), job.Env{})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path, rng := filepath.Join(dir, test.name), rand.New(rand.NewPCG(17, 0))
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			flips := test.flips
			if testing.Short() {
				flips /= 10
			}
			quiet, damaged := 0, 0
			for range flips {
				bit := rng.IntN(8 * len(whole))
				changed := append([]byte(nil), whole...)
				changed[bit/8] ^= 1 << (bit % 8)
				if err := os.WriteFile(path, changed, 0o666); err != nil {
					t.Fatal(err)
				}
				err := test.read()
				if err == nil {
					quiet++
					t.Errorf("bit %d of byte %d of %d is flipped, and nothing says so", bit%8, bit/8, len(whole))
				}
				var fault *os.PathError
				if errors.As(err, &fault) && fault.Path == path && errors.Is(err, tensor.ErrDamaged) {
					damaged++
				}
			}
			t.Logf("%d of %d flipped bits were read without a word; %d were said to be damage to %s", quiet, flips, damaged, path)
			if damaged < flips*9/10 {
				t.Errorf("only %d of %d were said to be damage", damaged, flips)
			}
			if err := os.WriteFile(path, whole, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := test.read(); err != nil {
				t.Error(err)
			}
		})
	}
}
