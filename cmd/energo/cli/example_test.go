package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/cmd/energo/cli"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
)

// A program with a job of its own beside energo's: the digits' energies and settings, over pictures of its own.
func Example() {
	digits, _ := job.Named(jobs.All(), "digits")
	strokes := digits
	strokes.Name, strokes.Folder = "strokes", "strokes-FUNCTIONAL-MODEL"
	strokes.New = func() job.Spec {
		c := digits.New().(*jobs.Digits)
		c.Model, c.Epochs, c.Validation = "linear", 60, 40
		c.Sets = func(context.Context, string, data.Progress) (trainSet, testSet *data.Images, err error) {
			return bars(400), bars(100), nil
		}
		return c
	}
	program := cli.Program{Name: "mine", Jobs: append(jobs.All(), strokes)}
	mine := func(args ...string) int { return program.Main(args, io.Discard, os.Stderr) } // as main does with os.Args[1:]
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("strokes-%d", os.Getpid()))
	defer os.RemoveAll(dir)
	fmt.Println(mine("train", "strokes", "--run", dir, "--functional", "hinge", "--quiet"))
	fmt.Println(mine("eval", dir))
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	fmt.Println(strings.Contains(string(page), "mine train strokes --config config.yaml"), err)

	// Output:
	// 0
	// 0
	// true <nil>
}

// bars are pictures of 4×4 pixels: each label is a bright row.
func bars(n int) *data.Images {
	set := &data.Images{Pixels: make([]byte, n*16), Labels: make([]byte, n), N: n, H: 4, W: 4}
	for i := range n {
		y := i % 4
		set.Labels[i] = byte(y)
		for x := range 4 {
			set.Image(i)[4*y+x] = byte(100 + (7*i+31*x)%150)
		}
	}
	return set
}
