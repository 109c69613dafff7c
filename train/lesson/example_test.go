package lesson_test

import (
	"fmt"

	"github.com/energo-ml/energo/train/lesson"
)

// The energy loss flattens two branches that can both become constant; the negative log-likelihood raises the surface again.
func Example() {
	flat := lesson.Default("parabola").With("energy")
	l, err := lesson.New(flat)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []lesson.Settings{flat, flat.With("nll")} {
		if err := l.Change(s); err != nil {
			fmt.Println(err)
			return
		}
		if err := l.Step(6000); err != nil {
			fmt.Println(err)
			return
		}
		v, err := l.Look(33)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: collapsed %v\n", s.Functional, v.Fault != "")
	}
	// Output:
	// energy: collapsed true
	// nll: collapsed false
}
