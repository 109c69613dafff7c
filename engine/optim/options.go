package optim

import (
	"fmt"
	"math"
)

// Zero is 0 for an option whose zero value means a default: Adam{Beta2: Zero} has β₂ = 0.
const Zero = -1

// orDefault returns what an option's value stands for.
func orDefault(v, byDefault float64) float64 {
	switch v {
	case 0:
		return byDefault
	case Zero:
		return 0
	}
	return v
}

// A checker holds options against their ranges and keeps the first error.
type checker struct {
	of  string // the type whose options they are
	err error
}

func (c *checker) hold(option string, v float64, ok bool, must string) {
	if c.err == nil && !ok {
		c.err = fmt.Errorf("optim: %s.%s is %v; it must be %s", c.of, option, v, must)
	}
}

func (c *checker) fraction(option string, v float64) { c.hold(option, v, v >= 0 && v < 1, "in [0, 1)") }

func (c *checker) notNegative(option string, v float64) {
	c.hold(option, v, v >= 0 && v <= math.MaxFloat64, "a finite number from 0 on")
}

// must panics where an error is one of misuse.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
