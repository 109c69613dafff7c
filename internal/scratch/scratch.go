// Package scratch sizes the slices that a computation keeps from one call to the next,
// so that it allocates nothing once they are as large as it needs.
package scratch

// Sized returns a slice of n elements: s's memory if its capacity is enough, else new
// memory of exactly n, which is zero. What is in s's memory stays; what was in s does not
// move to new memory. So the elements are undefined, and the caller writes them all.
// It panics if n < 0.
func Sized[E any](s []E, n int) []E {
	if cap(s) < n {
		return make([]E, n)
	}
	return s[:n]
}
