//go:build !linux

package mapped

// Scattered does nothing here.
func Scattered([]byte) {}
