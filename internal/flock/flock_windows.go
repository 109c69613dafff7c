package flock

import (
	"os"

	"golang.org/x/sys/windows"
)

// farOff is where the byte is that is locked: what is locked nobody else can read.
const farOff = 1 << 30

// Try locks a file until it is closed, also by the process's death; ok is false if another has it.
// A shared lock may be had by several at once.
func Try(f *os.File, shared bool) (ok bool, err error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: farOff})
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}
