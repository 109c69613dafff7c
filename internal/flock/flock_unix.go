//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package flock

import (
	"os"
	"syscall"
)

// Try locks a file until it is closed, also by the process's death; ok is false if another has it.
// A shared lock may be had by several at once.
func Try(f *os.File, shared bool) (ok bool, err error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}
