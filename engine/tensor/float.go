package tensor

// Float is the set of element types that functions over plain slices take.
type Float interface{ float32 | float64 }
