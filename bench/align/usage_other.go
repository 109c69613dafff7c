//go:build !unix

package main

import (
	"runtime"
	"time"
)

var began = time.Now()

// usage is the time that has passed, in seconds, and the memory that the process has from the system, in MiB.
func usage() (seconds, peak float64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return time.Since(began).Seconds(), float64(m.Sys) / (1 << 20)
}
