//go:build !amd64

package simd

// tables32 holds the float32 kernels of each level.
var tables32 = [...]table[float32]{plain[float32]()}
