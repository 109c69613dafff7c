//go:build unix

package mutation

import (
	"syscall"
	"time"
)

// spent is the time that the process has computed, which other processes do not change.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
