//go:build unix

package main

import (
	"runtime"
	"syscall"
)

// usage is the time that the process has computed, in seconds, and the most memory that it has had, in MiB.
func usage() (seconds, peak float64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	unit := 1.0 / 1024 // kilobytes
	if runtime.GOOS == "darwin" {
		unit /= 1024
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, float64(u.Maxrss) * unit
}
