package loss

import (
	"fmt"
	"math"
)

// ArgumentError reports an argument or option that a loss cannot take.
type ArgumentError struct {
	Loss  string // the type's name
	Arg   string // the argument or option, by PyTorch's name
	Index int    // of the element, −1 where the whole argument or an option is meant
	Value any
	Want  string // what is allowed
}

func (e *ArgumentError) Error() string {
	at := e.Arg
	if e.Index >= 0 {
		at = fmt.Sprintf("%s[%d]", e.Arg, e.Index)
	}
	return fmt.Sprintf("loss: %s: %s is %v; it must be %s", e.Loss, at, e.Value, e.Want)
}

func badValue(loss, arg string, index int, value any, want string) error {
	return &ArgumentError{loss, arg, index, value, want}
}

func badOption(loss, option string, value any, want string) error {
	return &ArgumentError{loss, option, -1, value, want}
}

// badLength reports a slice of the wrong length.
func badLength(loss, arg string, n, want int) error {
	return fmt.Errorf("loss: %s: %s has %d elements; it must have %d", loss, arg, n, want)
}

// sized is a slice's name and length, to be checked.
type sized struct {
	arg string
	n   int
	set bool // not nil
	by  bool // it is the gradient by the argument
}

func of[E any](arg string, x []E) sized { return sized{arg, len(x), x != nil, false} }

// by is the gradient by an argument.
func by[E any](arg string, x []E) sized { return sized{arg, len(x), x != nil, true} }

// alike checks that slices have n elements.
func alike(loss string, n int, all ...sized) error {
	for _, s := range all {
		if s.n != n {
			return badLength(loss, s.arg, s.n, n)
		}
	}
	return nil
}

// optional checks that those slices that are not nil have n elements.
func optional(loss string, n int, all ...sized) error {
	for _, s := range all {
		if s.set && s.n != n {
			if s.by {
				s.arg = "the gradient by " + s.arg
			}
			return badLength(loss, s.arg, s.n, n)
		}
	}
	return nil
}

// above0 refuses an option that is not a finite number above 0.
func above0(loss, option string, v float64) error {
	if !(v > 0 && v <= math.MaxFloat64) {
		return badOption(loss, option, v, "a number above 0")
	}
	return nil
}

// atLeast0 refuses an option that is not a finite number of at least 0.
func atLeast0(loss, option string, v float64) error {
	if !(v >= 0 && v <= math.MaxFloat64) {
		return badOption(loss, option, v, "a number of at least 0")
	}
	return nil
}

// inverse refuses an option that is not above 0, or so large or small that it or its inverse is
// more than float32 holds.
func inverse(loss, option string, v float64) error {
	if err := above0(loss, option, v); err != nil {
		return err
	}
	if v < 1e-30 || v > 1e30 {
		return badOption(loss, option, v, "a number from 1e-30 to 1e30")
	}
	return nil
}

// finiteOption refuses an option that is not a finite number.
func finiteOption(loss, option string, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return badOption(loss, option, v, "a finite number")
	}
	return nil
}
