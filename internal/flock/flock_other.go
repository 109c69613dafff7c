//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package flock

import "os"

// Try finds every file free: these systems have no lock that ends with its process.
func Try(*os.File, bool) (ok bool, err error) { return true, nil }
